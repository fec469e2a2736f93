import { join } from 'node:path';

/** `records/<xx>/<name>.<version>.json`; generations of a claim lie in one folder. */
export function recordPath(directory: string, name: string, version: number): string {
  return join(recordFolder(directory, name), `${name}.${version}.json`);
}

export function recordFolder(directory: string, name: string): string {
  return join(directory, name.slice(2, 4));
}

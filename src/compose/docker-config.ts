import { join } from 'node:path';

/** Where docker keeps credentials; the file may be missing. */
export function dockerConfig(
  home: string | undefined,
): { readonly path: string; readonly required: false } | undefined {
  return home === undefined ? undefined : { path: join(home, '.docker', 'config.json'), required: false };
}

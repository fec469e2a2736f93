import { AppError } from '../errors/app-error.ts';
import { parseRegistry } from '../reference/parse-reference.ts';
import { contradiction } from './value-reader.ts';

/** The registry as it is called everywhere else. Throws CONFIG_INVALID. */
export function canonical(path: string, registry: string): string {
  try {
    return parseRegistry(registry);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw contradiction(path, `names no registry: ${error.message}`);
  }
}

import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';

/** Any failure of the file system as STORE_UNAVAILABLE that names the file or folder. */
export function diskError(verb: 'read' | 'write', place: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const why = String(cause).replace(/^Error: /, '');
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot ${verb} the store at ${quote(place)}: ${why}; free space or mend the permissions`,
    cause,
  });
}

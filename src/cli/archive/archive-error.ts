import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';

/** An archive that cannot be read or written as a whole. */
export function archiveError(file: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'DOCUMENT_INVALID',
    message: `cannot use archive ${quote(file)}: ${why}`,
    cause,
  });
}

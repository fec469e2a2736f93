import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** A REFERENCE_INVALID that names the text, the reason and what to write instead. */
export function refuse(what: string, text: string, reason: string): AppError {
  return new AppError({
    code: 'REFERENCE_INVALID',
    message: `cannot read ${what} ${quote(text)}: ${reason}`,
  });
}

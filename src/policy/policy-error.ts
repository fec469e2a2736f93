import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** A POLICY_INVALID that names the place, the reason and what to write instead. */
export function unusable(path: string, reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'POLICY_INVALID',
    message: `cannot use policy field ${quote(path)}: ${reason}`,
    cause,
  });
}

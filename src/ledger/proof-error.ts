import { AppError } from '../errors/app-error.ts';

/** A LOG_PROOF_INVALID: what the log sent does not prove what it should. */
export function unproven(what: string, reason: string): AppError {
  return new AppError({
    code: 'LOG_PROOF_INVALID',
    message: `cannot accept ${what}: ${reason}; do not trust this answer of the log, and compare with another replica`,
  });
}

/** Sizes and indices must be exact: a double counts to 2^53. Throws LOG_PROOF_INVALID. */
export function checkCount(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw unproven(what, 'it is not a whole number of 0 or more');
}

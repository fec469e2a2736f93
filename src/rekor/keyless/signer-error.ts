import { AppError } from '../../errors/app-error.ts';

/** An outage passes in seconds; what a service refuses is set right by people or by the next token. */
const OUTAGE_SECONDS = 5;
const REFUSAL_SECONDS = 30;

/** A service that cannot be reached, or answers nonsense. */
export function signerAway(message: string, cause?: unknown, retryAfterSeconds = OUTAGE_SECONDS): AppError {
  return new AppError({ code: 'SIGNER_UNAVAILABLE', message, cause, retryAfterSeconds });
}

/** A token that is missing, or that a service does not take. */
export function signerRefused(message: string, cause?: unknown): AppError {
  return signerAway(message, cause, REFUSAL_SECONDS);
}

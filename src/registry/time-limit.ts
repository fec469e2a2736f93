import { AppError } from '../errors/app-error.ts';
import { deadlineExceeded, OUTAGE_SECONDS } from './send-error.ts';

/**
 * Runs work that must end within `milliseconds`. Throws DEADLINE_EXCEEDED when the asker's signal aborts first, and
 * REGISTRY_UNAVAILABLE when the time is over.
 */
export async function withTimeLimit<Value>(
  milliseconds: number,
  aim: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(), milliseconds);
  try {
    return await work(AbortSignal.any([signal, own.signal]));
  } catch (error) {
    if (signal.aborted) throw deadlineExceeded(aim, error);
    if (own.signal.aborted) throw tooSlow(aim, error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(aim: string, cause: unknown): AppError {
  return new AppError({
    code: 'REGISTRY_UNAVAILABLE',
    message: `${aim}: the registry takes too long to answer; try again when it is less busy`,
    cause,
    retryAfterSeconds: OUTAGE_SECONDS,
  });
}

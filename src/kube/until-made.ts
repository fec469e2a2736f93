import { AppError } from '../errors/app-error.ts';

const MAX_WAITS = 60;

/** A short pause; ends early with the signal. */
export type Wait = (signal: AbortSignal) => Promise<void>;

/**
 * The attempt's result. While the API server refuses what it writes, this process may only read the object and another one
 * makes it: the attempt is made again after a pause, 60 times at most. Throws what the attempt throws.
 */
export async function untilMade<T>(attempt: () => Promise<T>, wait: Wait, signal: AbortSignal): Promise<T> {
  for (let waits = 0; ; waits += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isRefused = error instanceof AppError && error.code === 'KUBERNETES_REFUSED';
      if (!isRefused || waits >= MAX_WAITS || signal.aborted) throw error;
      await wait(signal);
    }
  }
}

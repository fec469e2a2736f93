import { pause } from '../cache/pause.ts';
import { toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;

export interface RepeatedWork {
  /** For the log. */
  readonly job: string;
  readonly work: () => Promise<void>;
  readonly logger: Logger;
  /** Makes an AppError of a failure. */
  readonly explain: (error: unknown) => unknown;
}

/** Until `signal`: again at once when it ends well, after a growing pause when it fails. */
export async function repeat({ job, work, logger, explain }: RepeatedWork, signal: AbortSignal) {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      await work();
      pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      const { code, message } = toAppError(explain(error));
      if (code !== 'DEADLINE_EXCEEDED') logger.warn('background.failed', { job, code }, message);
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  }
}

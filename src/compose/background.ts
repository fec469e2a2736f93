import { toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';

export interface BackgroundJob {
  /** For the log: `log.followed`. */
  readonly name: string;
  readonly everyMs: number;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Runs a job now and then again, one run at a time, until `signal`; a failed run is logged and tried again. */
export function runInBackground(
  { name, everyMs, run }: BackgroundJob,
  signal: AbortSignal,
  logger: Logger,
): void {
  async function once(): Promise<void> {
    try {
      await run(signal);
    } catch (error) {
      const { code, message } = toAppError(error);
      if (!signal.aborted) logger.warn('background.failed', { job: name, code }, message);
    }
    if (!signal.aborted) setTimeout(() => void once(), everyMs).unref();
  }
  void once();
}

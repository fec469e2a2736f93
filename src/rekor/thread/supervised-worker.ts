import type { Worker } from 'node:worker_threads';
import { AppError } from '../../errors/app-error.ts';
import type { Logger } from '../../observe/log.ts';
import { READY } from './messages.ts';

const MAX_PAUSE_MS = 10_000;

export interface SupervisedOptions {
  readonly spawn: () => Worker;
  readonly onMessage: (message: unknown) => void;
  /** Nothing that was posted before is going to be answered. */
  readonly onStop: () => void;
  readonly logger: Logger;
  /** Before the first restart; each further one in a row waits twice as long, at most 10 s. */
  readonly firstPauseMs: number;
}

/** A thread that is started again when it ends. */
export interface SupervisedWorker {
  /** Whether it was sent: false while there is no thread. Throws DataCloneError for what is no data. */
  post(message: unknown): boolean;
  /** Ends the thread, which is then started again. */
  kill(): void;
  close(): Promise<void>;
}

/** Resolves when the thread says READY. Throws INTERNAL when it ends before. */
export async function superviseWorker(options: SupervisedOptions): Promise<SupervisedWorker> {
  const { spawn, onMessage, onStop, logger, firstPauseMs } = options;
  let current: Worker | undefined;
  let isReady = false;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = firstPauseMs;
  let isClosed = false;

  /** `onEnd` hears of the end of a thread that had never been ready, or of any later one. */
  function start(onReady: () => void, onEnd: (cause: unknown) => void): void {
    const worker = spawn();
    let cause: unknown;
    current = worker;
    worker.unref();
    worker.on('message', (message: unknown) => {
      if (message === READY) {
        isReady = true;
        onReady();
        return;
      }
      // it works, so what stopped the one before it was not lasting
      pauseMs = firstPauseMs;
      onMessage(message);
    });
    worker.on('error', (error: unknown) => {
      cause = error;
    });
    worker.on('messageerror', () => void worker.terminate());
    worker.on('exit', () => {
      isReady = false;
      current = undefined;
      onStop();
      onEnd(cause);
    });
  }

  function startAgain(cause: unknown): void {
    if (isClosed) return;
    logger.error(
      'verifier.stopped',
      { error: cause, pauseMs },
      'the verifier thread stopped; it starts again',
    );
    timer = setTimeout(() => start(() => undefined, startAgain), pauseMs).unref();
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }

  await new Promise<void>((resolve, reject) => {
    let isStarted = false;
    const onReady = () => {
      isStarted = true;
      resolve();
    };
    start(onReady, (cause) => {
      if (isStarted) startAgain(cause);
      else reject(new AppError({ code: 'INTERNAL', message: 'the verifier thread cannot start', cause }));
    });
  });

  return {
    post(message) {
      if (!isReady) return false;
      current?.postMessage(message);
      return true;
    },
    kill: () => void current?.terminate(),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await current?.terminate();
    },
  };
}

import { AppError } from '../errors/app-error.ts';

/** Waits for shared work no longer than this asker may wait; the work itself goes on. Throws DEADLINE_EXCEEDED. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new AppError({ code: 'DEADLINE_EXCEEDED', message: `${what} took too long; try again` }));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

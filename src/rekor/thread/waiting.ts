import type { AppError } from '../../errors/app-error.ts';

/** A question that a thread has not answered yet. */
export interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/** The questions that one thread has before it, at most `max`, each for at most `timeLimitMs`. */
export interface WaitingRoom {
  readonly isFull: () => boolean;
  /** The number under which it is answered. */
  enter(waiting: Waiting): number;
  leave(id: number): Waiting | undefined;
  /** Sends everybody away. */
  empty(error: AppError): void;
}

export function makeWaitingRoom(options: {
  readonly max: number;
  readonly timeLimitMs: number;
  /** Somebody waits too long: the thread hangs. */
  readonly onTimeout: () => void;
}): WaitingRoom {
  const { max, timeLimitMs, onTimeout } = options;
  const room = new Map<number, Waiting & { readonly timer: NodeJS.Timeout }>();
  let last = 0;

  function leave(id: number): Waiting | undefined {
    const waiting = room.get(id);
    clearTimeout(waiting?.timer);
    room.delete(id);
    return waiting;
  }

  return {
    isFull: () => room.size >= max,
    enter(waiting) {
      last += 1;
      room.set(last, { ...waiting, timer: setTimeout(onTimeout, timeLimitMs).unref() });
      return last;
    },
    leave,
    empty(error) {
      for (const id of [...room.keys()]) leave(id)?.reject(error);
    },
  };
}

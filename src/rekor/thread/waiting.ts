import type { AppError } from '../../errors/app-error.ts';

/** A question that a thread has not answered yet. */
export interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/** The questions that one thread has before it, at most `max`; it must answer one of them within `timeLimitMs`. */
export interface WaitingRoom {
  readonly isFull: () => boolean;
  /** The number under which it is answered. */
  enter(waiting: Waiting): number;
  leave(id: number): Waiting | undefined;
  /** As `leave`, and the thread gets its whole time again for the next one. */
  answered(id: number): Waiting | undefined;
  /** Sends everybody away. */
  empty(error: AppError): void;
}

export function makeWaitingRoom(options: {
  readonly max: number;
  readonly timeLimitMs: number;
  /** Somebody waits, and nobody was answered for too long: the thread hangs. */
  readonly onTimeout: () => void;
}): WaitingRoom {
  const { max, timeLimitMs, onTimeout } = options;
  const room = new Map<number, Waiting>();
  let timer: NodeJS.Timeout | undefined;
  let last = 0;

  function watch(): void {
    clearTimeout(timer);
    timer = room.size === 0 ? undefined : setTimeout(onTimeout, timeLimitMs).unref();
  }

  function leave(id: number): Waiting | undefined {
    const waiting = room.get(id);
    room.delete(id);
    if (room.size === 0) watch();
    return waiting;
  }

  return {
    isFull: () => room.size >= max,
    enter(waiting) {
      last += 1;
      room.set(last, waiting);
      if (room.size === 1) watch();
      return last;
    },
    leave,
    answered(id) {
      const waiting = leave(id);
      // how long a queue takes on a slow machine says nothing of the thread; that it gets shorter does
      if (waiting !== undefined) watch();
      return waiting;
    },
    empty(error) {
      for (const id of [...room.keys()]) leave(id)?.reject(error);
    },
  };
}

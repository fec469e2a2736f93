import { AppError } from '../errors/app-error.ts';

/** Who may stream a blob now. */
export interface StreamPlaces {
  /**
   * Waits for a place, in the order in which they came, and gives what frees it again. Throws REGISTRY_UNAVAILABLE when none
   * becomes free in time or too many wait already, and the reason of the signal when it aborts first.
   */
  take(client: string, signal: AbortSignal): Promise<() => void>;
}

export interface StreamPlacesOptions {
  readonly most: number;
  /** How long one waits. Milliseconds. */
  readonly patienceMs: number;
}

interface Waiter {
  readonly client: string;
  readonly seat: () => void;
}

/** Those who wait, for each place. */
const WAITERS_A_PLACE = 4;
const RETRY_AFTER_SECONDS = 5;

/** One client gets at most three quarters of the places, however slowly it reads: the rest is for others. */
export function makeStreamPlaces({ most, patienceMs }: StreamPlacesOptions): StreamPlaces {
  const share = Math.ceil((most * 3) / 4);
  const held = new Map<string, number>();
  const waiting = new Set<Waiter>();
  let taken = 0;

  const heldBy = (client: string) => held.get(client) ?? 0;
  const isFree = (client: string) => taken < most && heldBy(client) < share;

  function sit(client: string): () => void {
    taken += 1;
    held.set(client, heldBy(client) + 1);
    return () => {
      taken -= 1;
      if (heldBy(client) > 1) held.set(client, heldBy(client) - 1);
      else held.delete(client);
      seatNext();
    };
  }

  function seatNext(): void {
    for (const waiter of waiting) {
      if (taken >= most) return;
      if (isFree(waiter.client)) waiter.seat();
    }
  }

  function mayWait(client: string): boolean {
    const own = [...waiting].filter((waiter) => waiter.client === client).length;
    return waiting.size < most * WAITERS_A_PLACE && own < most;
  }

  function wait(client: string, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason instanceof Error ? signal.reason : noPlace(most));
      };
      const timer = setTimeout(() => {
        leave();
        reject(noPlace(most));
      }, patienceMs);
      const waiter: Waiter = {
        client,
        seat() {
          leave();
          resolve(sit(client));
        },
      };
      signal.addEventListener('abort', onAbort);
      waiting.add(waiter);
    });
  }

  return {
    async take(client, signal) {
      signal.throwIfAborted();
      if (isFree(client)) return sit(client);
      if (!mayWait(client)) throw noPlace(most);
      return wait(client, signal);
    },
  };
}

function noPlace(most: number): AppError {
  return new AppError({
    code: 'REGISTRY_UNAVAILABLE',
    message: `cannot stream another blob: ${most} are streamed at once, of one client three quarters of them; try again`,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

interface Flight<Value> {
  readonly result: Promise<Value>;
  readonly controller: AbortController;
  waiters: number;
}

/** Shares equal work in flight among its askers. */
export interface SingleFlight<Value> {
  /**
   * The result of the work under `key`: of the work in flight, or else of `work`, which is started.
   * Rejects with `signal.reason` when the asker's signal aborts; the work itself is aborted with its last asker.
   */
  run(key: string, work: (signal: AbortSignal) => Promise<Value>, signal: AbortSignal): Promise<Value>;
  /** Whether work under `key` is in flight. */
  has(key: string): boolean;
}

export function makeSingleFlight<Value>(): SingleFlight<Value> {
  const flights = new Map<string, Flight<Value>>();

  function land(key: string, flight: Flight<Value>): void {
    if (flights.get(key) === flight) flights.delete(key);
  }

  function start(key: string, work: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const controller = new AbortController();
    const flight: Flight<Value> = { result: work(controller.signal), controller, waiters: 0 };
    flights.set(key, flight);
    const landed = (): void => land(key, flight);
    flight.result.then(landed, landed);
    return flight;
  }

  function leave(key: string, flight: Flight<Value>, reason: unknown): void {
    flight.waiters -= 1;
    if (flight.waiters > 0) return;
    // at once, so that a new asker starts anew and does not join work that is being aborted
    land(key, flight);
    flight.controller.abort(reason);
  }

  return {
    has: (key) => flights.has(key),
    async run(key, work, signal) {
      signal.throwIfAborted();
      const flight = flights.get(key) ?? start(key, work);
      flight.waiters += 1;
      return await new Promise<Value>((resolve, reject) => {
        const onAbort = (): void => {
          leave(key, flight, signal.reason);
          reject(asError(signal.reason));
        };
        signal.addEventListener('abort', onAbort, { once: true });
        const done = (): void => signal.removeEventListener('abort', onAbort);
        flight.result.finally(done).then(resolve, reject);
      });
    },
  };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}

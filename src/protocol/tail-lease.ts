import type { SystemClock } from '../observe/clock.ts';
import type { StateStore } from './ports.ts';

/** Which of several processes does what one of them must do for all. A hint that saves work: nothing relies on it. */
export interface Lease {
  /** Whether this process has the lease and may be sure of it for a while. */
  holds(): boolean;
  /** Takes, keeps or watches it: call it once a period or more often. Throws STORE_UNAVAILABLE. */
  renew(signal: AbortSignal): Promise<void>;
  /** Gives it up at once, so that nobody waits for it. */
  release(signal: AbortSignal): Promise<void>;
}

export interface LeaseParts {
  readonly state: StateStore;
  readonly name: string;
  /** Of this process, unlike all others. */
  readonly holder: string;
  readonly clock: Pick<SystemClock, 'monotonicMs'>;
  readonly periodMs: number;
}

/** A holder that has not written for so long by the watcher's own clock is gone. */
const PERIODS_UNTIL_TAKEN = 4;
/** A holder stops earlier than anybody can take over. */
const PERIODS_HELD = 3;
const FREE = '';

/** A lease in a StateStore by compare-and-swap. No process trusts the clock of another: each times by its own what it sees. */
export function makeTailLease({ state, name, holder, clock, periodMs }: LeaseParts): Lease {
  let heldSince: number | undefined;
  let seen: { readonly version: string; readonly at: number } | undefined;

  function isOver(version: string, text: string): boolean {
    if (text === FREE) return true;
    const now = clock.monotonicMs();
    if (seen?.version !== version) seen = { version, at: now };
    return now - seen.at >= PERIODS_UNTIL_TAKEN * periodMs;
  }

  return {
    holds: () => heldSince !== undefined && clock.monotonicMs() - heldSince < PERIODS_HELD * periodMs,
    async renew(signal) {
      // counted from before the write: a slow answer must not make the lease longer
      const now = clock.monotonicMs();
      const document = await state.read(name, signal);
      const isOurs = document?.text === holder;
      if (document !== undefined && !isOurs && !isOver(document.version, document.text)) {
        heldSince = undefined;
        return;
      }
      const outcome = await state.write(name, { text: holder, version: document?.version }, signal);
      heldSince = outcome === 'written' ? now : undefined;
    },
    async release(signal) {
      heldSince = undefined;
      const document = await state.read(name, signal);
      if (document?.text === holder)
        await state.write(name, { text: FREE, version: document.version }, signal);
    },
  };
}

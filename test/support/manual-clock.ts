import type { Clock } from '../../src/protocol/ports.ts';

export interface ManualClock extends Clock {
  /** Milliseconds; negative sets the clock back. */
  advance(milliseconds: number): void;
}

/** Stands still until it is moved. */
export function makeManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let now = start;
  return {
    now: () => now,
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

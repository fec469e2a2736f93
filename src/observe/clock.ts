export interface SystemClock {
  /** Milliseconds since the epoch: for people and for time limits. */
  now(): number;
  /** Milliseconds, with fractions, that never jump: for durations. */
  monotonicMs(): number;
}

/** The machine's clocks: the only place that reads them. */
export const systemClock: SystemClock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const FIRST_MS = 200;
const MAX_MS = 30_000;

export interface BackOff {
  /** Milliseconds to wait now; each is about twice the one before, up to 30 s, and spread by a half. */
  next(): number;
  /** It works again. */
  reset(): void;
}

/** `random`: 0 to 1. */
export function makeBackOff(random: () => number): BackOff {
  let ms = FIRST_MS;
  return {
    next() {
      const now = ms;
      ms = Math.min(ms * 2, MAX_MS);
      return now * (0.5 + random() / 2);
    },
    reset() {
      ms = FIRST_MS;
    },
  };
}

import type { AppError } from '../errors/app-error.ts';
import { unavailable } from './log-answer.ts';
import { aborted } from './transport.ts';

/** As much of a minute's requests may be made at once. */
const BURST_MS = 5_000;
/** Who would wait for longer is better told to come back. */
const MAX_WAIT_MS = 5_000;

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface RateLimitOptions {
  readonly requestsPerMinute: number;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
}

/** Resolves when one more request may be made. Throws LOG_UNAVAILABLE with the wait, and DEADLINE_EXCEEDED. */
export type TakeTurn = (signal: AbortSignal) => Promise<void>;

/** A token bucket that those who wait have borrowed from: they go in the order in which they came. */
export function makeRateLimit({ requestsPerMinute, monotonicMs, sleep }: RateLimitOptions): TakeTurn {
  const perMs = requestsPerMinute / 60_000;
  const capacity = Math.max(1, Math.floor(perMs * BURST_MS));
  let tokens = capacity;
  let filledAt = monotonicMs();

  return async (signal) => {
    const now = monotonicMs();
    tokens = Math.min(capacity, tokens + (now - filledAt) * perMs);
    filledAt = now;
    const waitMs = Math.max(0, 1 - tokens) / perMs;
    if (waitMs > MAX_WAIT_MS) throw tooMany(requestsPerMinute, waitMs);
    tokens -= 1;
    if (waitMs === 0) return;
    try {
      await sleep(waitMs, signal);
    } catch (cause) {
      tokens += 1;
      throw signal.aborted ? aborted(signal, 'waiting for a turn to ask the log') : cause;
    }
  };
}

function tooMany(requestsPerMinute: number, waitMs: number): AppError {
  return unavailable(
    `cannot ask the log now: its limit of ${requestsPerMinute} requests a minute is used up; try again later, or raise log.requestsPerMinute`,
    undefined,
    Math.ceil(waitMs / 1_000),
  );
}

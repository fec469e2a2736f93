import { setTimeout as delay } from 'node:timers/promises';
import { makeLogBreaker, type BreakerSettings, type BreakerState } from './log-breaker.ts';
import { makeRateLimit, type Sleep } from './rate-limit.ts';
import { aborted, type LogResponse, type LogTransport } from './transport.ts';

export interface GuardOptions {
  /** Monotonic, in milliseconds. */
  readonly monotonicMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Undefined: as many as are asked for. */
  readonly requestsPerMinute?: number | undefined;
  /** Told of every change; at first it is closed. */
  readonly onState?: (state: BreakerState) => void;
  readonly breaker?: BreakerSettings;
  readonly sleep?: Sleep;
}

const BREAKER: BreakerSettings = { failures: 5, openMs: 5_000, maxOpenMs: 60_000 };
const BUSY: ReadonlySet<number> = new Set([429, 503]);
/** Before the second and the third try, without the log's own word. */
const BACK_OFFS_MS = [500, 1_500];
/** A log that wants to be left alone for longer is left to the asker, who has other things to do. */
const MAX_RETRY_AFTER_MS = 5_000;
const JITTER = 0.5;

/**
 * A log that is asked with care: no faster than its limit, again when it is busy, and not at all for a while when it is
 * down. Share one between all that talk to one log. Throws LOG_UNAVAILABLE, DEADLINE_EXCEEDED.
 */
export function guardTransport(transport: LogTransport, options: GuardOptions): LogTransport {
  const { monotonicMs, requestsPerMinute } = options;
  const sleep: Sleep = options.sleep ?? (async (ms, signal) => delay(ms, undefined, { signal }));
  const takeTurn =
    requestsPerMinute === undefined ? undefined : makeRateLimit({ requestsPerMinute, monotonicMs, sleep });
  const breaker = makeLogBreaker({
    settings: options.breaker ?? BREAKER,
    monotonicMs,
    sleep,
    onState: (state) => options.onState?.(state),
  });

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, signal).catch((cause: unknown) => {
      throw signal.aborted ? aborted(signal, 'waiting for a busy log') : cause;
    });
  }

  return async (request) => {
    for (let tries = 0; ; tries += 1) {
      // who is refused anyway shall not use up a turn
      await breaker.ready(request.signal);
      await takeTurn?.(request.signal);
      const answer = await breaker.run(() => transport(request), request.signal);
      const waitMs = BUSY.has(answer.status) ? waitFor(answer, BACK_OFFS_MS[tries]) : undefined;
      if (waitMs === undefined) return answer;
      await pause(waitMs * (1 + JITTER * options.random()), request.signal);
    }
  };
}

/** How long to leave a busy log alone; undefined when it is not to be asked again. */
function waitFor(answer: LogResponse, backOffMs: number | undefined): number | undefined {
  if (backOffMs === undefined) return undefined;
  const seconds = /^[0-9]{1,6}$/.exec(answer.headers['retry-after'] ?? '')?.[0];
  if (seconds === undefined) return backOffMs;
  const askedMs = Number(seconds) * 1_000;
  return askedMs > MAX_RETRY_AFTER_MS ? undefined : Math.max(askedMs, backOffMs);
}

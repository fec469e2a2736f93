import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { AppError } from '../errors/app-error.ts';
import { unavailable } from './log-answer.ts';
import type { Sleep } from './rate-limit.ts';
import { aborted, type LogResponse } from './transport.ts';

export type BreakerState = 'closed' | 'halfOpen' | 'open';

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Until the first probe, in milliseconds; doubled by each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

export interface LogBreakerOptions {
  readonly settings: BreakerSettings;
  readonly monotonicMs: () => number;
  readonly sleep: Sleep;
  readonly onState: (state: BreakerState) => void;
}

export interface LogBreaker {
  /**
   * Throws LOG_UNAVAILABLE at once while it is open. While a probe is under way its outcome is waited for, some seconds at
   * most. Throws DEADLINE_EXCEEDED.
   */
  ready(signal: AbortSignal): Promise<void>;
  /** Runs the exchange once it is ready. Throws as `ready`. */
  run(exchange: () => Promise<LogResponse>, signal: AbortSignal): Promise<LogResponse>;
}

/** As long as one waits for a turn. */
const MAX_PROBE_WAIT_MS = 5_000;

const STATES = new Map<CircuitState, BreakerState>([
  [CircuitState.Closed, 'closed'],
  [CircuitState.HalfOpen, 'halfOpen'],
  [CircuitState.Open, 'open'],
]);

/** Keeps askers from waiting for a log that is down, and a log that is down from being asked by all. */
export function makeLogBreaker({ settings, monotonicMs, sleep, onState }: LogBreakerOptions): LogBreaker {
  let probeAt = 0;
  /** Of the probe under way. */
  let outcome = Promise.withResolvers<undefined>();

  /** The library reads the wall clock, which jumps: a wait without end, or none at all, leaves it to ours. */
  const waitOf = (openMs: number) => ({
    get duration() {
      return monotonicMs() >= probeAt ? -Infinity : Infinity;
    },
    next: () => opened(Math.min(openMs * 2, settings.maxOpenMs)),
  });
  const opened = (openMs: number) => {
    probeAt = monotonicMs() + openMs;
    return waitOf(openMs);
  };

  const policy: CircuitBreakerPolicy = circuitBreaker(
    // a probe that its asker stopped has shown nothing, and must not count as a success
    handleWhen((error) => isUnavailable(error) || policy.state === CircuitState.HalfOpen).orWhenResult(
      (answer) => isResponse(answer) && answer.status >= 500,
    ),
    {
      breaker: new ConsecutiveBreaker(settings.failures),
      halfOpenAfter: { next: () => opened(settings.openMs) },
    },
  );
  policy.onStateChange((state) => {
    const name = STATES.get(state);
    if (name !== undefined) onState(name);
    if (state === CircuitState.HalfOpen) outcome = Promise.withResolvers();
    else outcome.resolve(undefined);
  });

  const isProbing = () => policy.state === CircuitState.HalfOpen;

  async function waitForProbe(signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const limit = sleep(MAX_PROBE_WAIT_MS, AbortSignal.any([signal, done.signal])).catch((cause: unknown) => {
      if (signal.aborted) throw aborted(signal, 'waiting for a log that was down');
      if (!done.signal.aborted) throw cause;
    });
    try {
      await Promise.race([outcome.promise, limit]);
    } finally {
      done.abort();
    }
  }

  function assertReady(): void {
    const waitMs = policy.state === CircuitState.Open ? probeAt - monotonicMs() : 0;
    if (!isProbing() && waitMs <= 0) return;
    const next = isProbing()
      ? 'a first request after the pause is under way'
      : 'it is left alone for a while';
    throw unavailable(
      `cannot ask the log: it failed ${settings.failures} times or more in a row, and ${next}; check that the log is running`,
      undefined,
      Math.max(1, Math.ceil(waitMs / 1_000)),
    );
  }

  return {
    async ready(signal) {
      if (isProbing()) await waitForProbe(signal);
      assertReady();
    },
    async run(exchange, signal) {
      if (isProbing()) await waitForProbe(signal);
      // nothing may come between: the library would let an exchange wait for a probe without end
      assertReady();
      return policy.execute(exchange);
    },
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'LOG_UNAVAILABLE';
}

function isResponse(value: unknown): value is LogResponse {
  return typeof value === 'object' && value !== null && 'status' in value;
}

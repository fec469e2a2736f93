import type { SystemClock } from '../../src/observe/clock.ts';
import { makeLogger, type FlushableLogger } from '../../src/observe/logger.ts';
import { makeMetrics, type Metrics } from '../../src/observe/metrics.ts';

export interface Observed {
  readonly logger: FlushableLogger;
  readonly metrics: Metrics;
  readonly clock: SystemClock;
  /** Every line logged so far, parsed. */
  readonly lines: () => readonly Record<string, unknown>[];
  /** The exposition text. */
  readonly exposition: () => Promise<string>;
}

/** The real logger and metrics, writing to memory, with clocks that stand still. */
export function makeObserved(): Observed {
  let written = '';
  const clock = { now: () => Date.UTC(2026, 10, 2), monotonicMs: () => 0 };
  const stream = { write: (text: string) => void (written += text) };
  const logger = makeLogger({ level: 'debug', stream, clock });
  const metrics = makeMetrics({ version: '0.0.0', processMetrics: false });
  return {
    logger,
    metrics,
    clock,
    lines() {
      logger.flush();
      return written
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    exposition: async () => (await metrics.render()).text,
  };
}

import { AppError } from '../errors/app-error.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const DEFAULT_TIMEOUT_MS = 10_000;
/** What nearly every request says, spared the parsing. */
const COMMON = '?timeout=10s';
/** What the way back to the API server may take. */
const RESERVE_MS = 1500;
/** A request that waits occupies a seat of the API server (priority and fairness). */
const MAX_MS = 8000;
/** After the signal a verdict may still be rendered; then the door answers by itself. */
const GRACE_MS = 500;

/**
 * How long a verdict may take: the `timeout` of the URL (a Go duration, already reduced by what earlier webhooks used) less
 * 1.5 s, at least half of it, at most 8 s. Without a readable one, 10 s are assumed.
 */
export function deadlineMs(url: string): number {
  const timeout = url.endsWith(COMMON) ? DEFAULT_TIMEOUT_MS : (timeoutMs(url) ?? DEFAULT_TIMEOUT_MS);
  return Math.min(Math.max(timeout - RESERVE_MS, timeout / 2), MAX_MS);
}

function timeoutMs(url: string): number | undefined {
  const text = /[?&]timeout=([^&]{1,40})(?:&|$)/.exec(url)?.[1];
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit = ''] of text.matchAll(/([\d.]+)([a-zµ]+)/g)) {
    total += Number(number) * (UNIT_MS[unit] ?? 0);
  }
  return total > 0 ? total : undefined;
}

/**
 * Runs with a signal that aborts after `ms`. Work that does not heed it is left behind 0.5 s later: then it rejects with
 * DEADLINE_EXCEEDED.
 */
export function withDeadline<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    let timer = setTimeout(() => {
      const late = new AppError({
        code: 'DEADLINE_EXCEEDED',
        message: `cannot reach a verdict within ${Math.round(ms)} ms; retry, or raise timeoutSeconds of the webhook`,
      });
      controller.abort(late);
      timer = setTimeout(() => reject(late), GRACE_MS);
    }, ms);
    const settle = (): void => clearTimeout(timer);
    run(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(
          error instanceof Error
            ? error
            : new AppError({ code: 'INTERNAL', message: 'internal error', cause: error }),
        );
      },
    );
  });
}

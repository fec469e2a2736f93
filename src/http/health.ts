import { toAppError } from '../errors/app-error.ts';

/** Resolves when the part is fit for work; throws an AppError that says why not. */
export type HealthCheck = (signal: AbortSignal) => Promise<void> | void;

export interface Readiness {
  readonly ready: boolean;
  /** `ok`, or why not, by name of the check. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface Health {
  /** Asks every check, in parallel, each for at most `timeoutMs`. Never rejects. */
  readiness(): Promise<Readiness>;
}

export interface HealthOptions {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly timeoutMs: number;
}

export function makeHealth({ checks, timeoutMs }: HealthOptions): Health {
  return {
    async readiness() {
      const states = await Promise.all(
        Object.entries(checks).map(async ([name, check]) => [name, await stateOf(check, timeoutMs)] as const),
      );
      return {
        ready: states.every(([, state]) => state === 'ok'),
        checks: Object.fromEntries(states),
      };
    },
  };
}

async function stateOf(check: HealthCheck, timeoutMs: number): Promise<string> {
  const controller = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    controller.abort();
    resolve(`no answer within ${timeoutMs} ms`);
  }, timeoutMs);
  try {
    return await Promise.race([late, answerOf(check, controller.signal)]);
  } finally {
    clearTimeout(timer);
  }
}

async function answerOf(check: HealthCheck, signal: AbortSignal): Promise<string> {
  try {
    await check(signal);
    return 'ok';
  } catch (error) {
    return toAppError(error).message;
  }
}

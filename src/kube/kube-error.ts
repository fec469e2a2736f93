import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { systemCode } from '../errors/system-code.ts';
import { REACH, wireProblems } from '../errors/wire-problem.ts';

const RETRY_AFTER_SECONDS = 2;
const BY_CODE = wireProblems('check the certificate authority of the kubeconfig');

/** `doing` completes "cannot …" and names the thing and the server. */
export function unavailable(doing: string, why: string, more: Pick<AppErrorMore, 'cause' | 'after'> = {}) {
  return new AppError({
    code: 'KUBERNETES_UNAVAILABLE',
    message: `cannot ${doing}: ${why}`,
    cause: more.cause,
    retryAfterSeconds: more.after ?? RETRY_AFTER_SECONDS,
  });
}

interface AppErrorMore {
  readonly cause?: unknown;
  /** Seconds. */
  readonly after?: number | undefined;
}

export function refused(doing: string, why: string, cause?: unknown): AppError {
  return new AppError({ code: 'KUBERNETES_REFUSED', message: `cannot ${doing}: ${why}`, cause });
}

/** What went wrong on the wire, in words. */
export function wireTrouble(error: unknown): string {
  const code = systemCode(error);
  if (code !== undefined) return BY_CODE[code] ?? `the exchange broke off (${code}); ${REACH}`;
  const message = error instanceof Error ? error.message : String(error);
  return `the exchange broke off with ${quote(message)}; ${REACH}`;
}

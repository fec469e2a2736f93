import type { Denial, DenialReason } from '../check/verdict.ts';
import type { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { ERROR_KIND_OF } from './oci-error.ts';
import type { OciError } from './oci-error.ts';

const MAX_REASON_LENGTH = 200;

/** A denial as an OCI error. `denyCode` is the code of a moved tag; the wording for it is tlogistry's. */
export function refusal(canonical: string, denial: Denial, denyCode: 'DENIED' | 'TAG_INVALID'): OciError {
  const { reason, message, expected, actual, retryAfterSeconds } = denial;
  const kind = ERROR_KIND_OF[reason];
  if (reason !== 'TAG_MOVED' || expected === undefined || actual === undefined) {
    const retry = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
    return { ...kind, message, detail: { reason }, ...retry };
  }
  return {
    ...kind,
    code: denyCode,
    message: `tag ${quote(canonical)} mismatch; got ${quote(actual)}, want ${quote(expected)}`,
    detail: { reason, expected, actual, explanation: message },
  };
}

/** A client has had its share. */
export function tooMany(what: string, retryAfterSeconds: number): OciError {
  return {
    status: 429,
    code: 'TOOMANYREQUESTS',
    message: `too many ${what} from this client; try again in ${retryAfterSeconds} s`,
    retryAfterSeconds,
  };
}

/** An error of the proxy or of the upstream. What nobody foresaw keeps its text to itself. */
export function failure(error: AppError, requestId: string): OciError {
  const kind = ERROR_KIND_OF[error.code];
  const retryAfterSeconds = error.retryAfterSeconds ?? kind.retryAfterSeconds;
  const isOurs = error.code === 'INTERNAL';
  return {
    ...kind,
    message: isOurs ? `internal error ${requestId}: see the log of Tagseal` : error.message,
    detail: { reason: error.code },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

/**
 * Where a refused HEAD is sent: the same URL with the reason, which then answers the refusal. containerd before 2.3.3, and
 * what is built on it, print nothing of a refused HEAD but its URL.
 */
export function reasonLocation(url: string, { reason, expected, actual }: Denial): string {
  const digests = expected === undefined || actual === undefined ? '' : `-want-${expected}-got-${actual}`;
  const text = `${slug(reason)}${digests}`.slice(0, MAX_REASON_LENGTH);
  return `${url}${url.includes('?') ? '&' : '?'}reason=${text}`;
}

function slug(reason: DenialReason): string {
  return reason.toLowerCase().replaceAll('_', '-');
}

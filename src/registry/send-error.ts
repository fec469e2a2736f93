import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import { errorCode } from './error-code.ts';

interface Explanation {
  readonly code: ErrorCode;
  readonly why: string;
  /** Somebody must repair something before another try can help. */
  readonly stays?: true;
}

/** Seconds after which an outage may be over. */
export const OUTAGE_SECONDS = 5;

const UNAVAILABLE_HINT = 'check that it runs and that the network lets tagseal reach it';

/** What went wrong on the wire, by the codes of Node and undici. */
const BY_CODE: Readonly<Record<string, Explanation>> = {
  ENOTFOUND: {
    code: 'REGISTRY_UNAVAILABLE',
    why: 'the host name has no address; check its spelling and the DNS',
  },
  EAI_AGAIN: {
    code: 'REGISTRY_UNAVAILABLE',
    why: 'the DNS does not answer; check the resolver of this machine',
  },
  UND_ERR_CONNECT_TIMEOUT: {
    code: 'REGISTRY_UNAVAILABLE',
    why: `no connection came about in time; ${UNAVAILABLE_HINT}`,
  },
  UND_ERR_HEADERS_TIMEOUT: {
    code: 'REGISTRY_UNAVAILABLE',
    why: 'it gave no answer in time; try again when it is less busy',
  },
  UND_ERR_BODY_TIMEOUT: {
    code: 'REGISTRY_UNAVAILABLE',
    why: 'its answer stood still; try again when it is less busy',
  },
  UND_ERR_RES_EXCEEDED_MAX_SIZE: {
    code: 'REGISTRY_ANSWER_INVALID',
    why: 'its answer exceeds the size limit; check what serves this host',
  },
  UND_ERR_HEADERS_OVERFLOW: {
    code: 'REGISTRY_ANSWER_INVALID',
    why: 'its answer has more than 16 KiB of headers; check what serves this host',
  },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: {
    code: 'REGISTRY_UNAVAILABLE',
    why: 'its answer ended early; try again',
  },
};

/** The same, for families of codes; `{code}` becomes the code. */
const BY_FAMILY: readonly (Explanation & { readonly family: RegExp })[] = [
  {
    family:
      /^(?:CERT_|ERR_TLS_CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:GET|VERIFY)_|INVALID_CA$|HOSTNAME_MISMATCH$)/,
    code: 'REGISTRY_UNAVAILABLE',
    why: 'its TLS certificate is not trusted ({code}); add its CA, or fix the certificate',
    stays: true,
  },
  {
    family: /^(?:ERR_SSL_|EPROTO$)/,
    code: 'REGISTRY_UNAVAILABLE',
    why: 'it does not speak TLS as it should ({code}); name the host in registries.plainHttp if it speaks http',
    stays: true,
  },
  {
    family: /^HPE_/,
    code: 'REGISTRY_ANSWER_INVALID',
    why: 'its answer is not HTTP; check the port',
  },
];
const BROKEN_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
]);

/** Whether a second try can help at once: after a broken connection, and after a status (which has no cause). */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== 'REGISTRY_UNAVAILABLE') return false;
  return error.cause === undefined || BROKEN_CONNECTION.has(errorCode(error.cause) ?? '');
}

/** The AppError for whatever a call to `host` threw. */
export function toSendError(error: unknown, host: string, aim: string): AppError {
  if (error instanceof AppError) return about(error, aim);
  const code = errorCode(error);
  const { code: kind, why, stays } = explain(code);
  return new AppError({
    code: kind,
    message: `${aim}: ${quote(host)} cannot be used: ${why}`,
    cause: error,
    ...(kind === 'REGISTRY_UNAVAILABLE' && stays !== true && { retryAfterSeconds: OUTAGE_SECONDS }),
  });
}

/** For a signal that was aborted from outside, at the asker's deadline. */
export function deadlineExceeded(aim: string, cause: unknown): AppError {
  return new AppError({
    code: 'DEADLINE_EXCEEDED',
    message: `${aim}: the time for this request is over; try again`,
    cause,
  });
}

function about(error: AppError, aim: string): AppError {
  if (error.code !== 'ADDRESS_FORBIDDEN' || error.message.startsWith(aim)) return error;
  return new AppError({ code: error.code, message: `${aim}: ${error.message}`, cause: error });
}

function explain(code: string | undefined): Explanation {
  if (code === undefined) {
    return { code: 'REGISTRY_UNAVAILABLE', why: `the connection failed; ${UNAVAILABLE_HINT}` };
  }
  const known = BY_CODE[code] ?? BY_FAMILY.find(({ family }) => family.test(code));
  if (known !== undefined) return { ...known, why: known.why.replace('{code}', code) };
  return { code: 'REGISTRY_UNAVAILABLE', why: `the connection failed (${code}); ${UNAVAILABLE_HINT}` };
}

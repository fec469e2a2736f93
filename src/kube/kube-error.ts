import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

const RETRY_AFTER_SECONDS = 2;
const REACH = 'check that it runs and that the network lets tagseal reach it';
const TRUST = 'check the certificate authority of the kubeconfig';

/** Codes of Node's sockets and TLS, and of undici. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: `it refused the connection; ${REACH}`,
  ECONNRESET: `it broke off the connection; ${REACH}`,
  EPIPE: `it broke off the connection; ${REACH}`,
  UND_ERR_SOCKET: `it broke off the connection; ${REACH}`,
  ENOTFOUND: 'the host name has no address; check its spelling and the DNS',
  EAI_AGAIN: 'the DNS does not answer; check the resolver of this machine',
  EHOSTUNREACH: `there is no way to its network; ${REACH}`,
  ENETUNREACH: `there is no way to its network; ${REACH}`,
  ETIMEDOUT: `no connection came about in time; ${REACH}`,
  UND_ERR_CONNECT_TIMEOUT: `no connection came about in time; ${REACH}`,
  UND_ERR_HEADERS_TIMEOUT: 'it gave no answer in time; try again when it is less busy',
  UND_ERR_BODY_TIMEOUT: 'its answer stood still; try again when it is less busy',
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is by an authority that is not trusted; ${TRUST}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is by itself and not trusted; ${TRUST}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is by an authority that is not trusted; ${TRUST}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is by an authority that is not trusted; ${TRUST}`,
  CERT_SIGNATURE_FAILURE: `its certificate is not by the trusted authority; ${TRUST}`,
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
  ERR_TLS_CERT_ALTNAME_INVALID: `its certificate is for another name; ${TRUST}`,
};

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

/** The code of an error of Node or undici, of whatever realm; undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What went wrong on the wire, in words. */
export function wireTrouble(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined) return BY_CODE[code] ?? `the exchange broke off (${code}); ${REACH}`;
  const message = error instanceof Error ? error.message : String(error);
  return `the exchange broke off with ${quote(message)}; ${REACH}`;
}

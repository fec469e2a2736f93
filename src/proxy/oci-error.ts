import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { DenialReason } from '../check/verdict.ts';
import { sendJson } from '../http/json.ts';

/** OCI distribution-spec, "Error Codes", and the two of docker's registry for what is the server's own trouble. */
export type OciCode =
  | 'BLOB_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNSUPPORTED'
  | 'UNAVAILABLE'
  | 'UNKNOWN';

export interface OciError {
  readonly status: number;
  readonly code: OciCode;
  readonly message: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly headers?: OutgoingHttpHeaders;
}

export interface ErrorKind {
  readonly status: number;
  readonly code: OciCode;
  /** For clients that heed it, when the error itself names none. */
  readonly retryAfterSeconds?: number;
}

// a 403 is the one status whose body newer containerd prints, and nobody retries it
const DENIED: ErrorKind = { status: 403, code: 'DENIED' };
const OUTAGE: ErrorKind = { status: 503, code: 'UNAVAILABLE', retryAfterSeconds: 5 };
const BAD_UPSTREAM: ErrorKind = { status: 502, code: 'UNKNOWN' };
const OWN_FAULT: ErrorKind = { status: 500, code: 'UNKNOWN' };

/** What a client is told by reason. A refusal is never a 404, a 429 or a 5xx: clients would hide the reason or retry. */
export const ERROR_KIND_OF: Readonly<Record<DenialReason, ErrorKind>> = {
  TAG_MOVED: DENIED,
  DIGEST_NOT_RECORDED: DENIED,
  NOT_RECORDED: DENIED,
  REFERENCE_INVALID: { status: 400, code: 'NAME_INVALID' },
  REVIEW_INVALID: OWN_FAULT,
  POLICY_INVALID: OWN_FAULT,
  CONFIG_INVALID: OWN_FAULT,
  KEY_INVALID: OWN_FAULT,
  CREDENTIALS_INVALID: OWN_FAULT,
  DOCUMENT_INVALID: OWN_FAULT,
  REGISTRY_NOT_ALLOWED: DENIED,
  ADDRESS_FORBIDDEN: DENIED,
  // no 401: without a challenge of our own, clients drop the text
  REGISTRY_UNAUTHORIZED: { status: 403, code: 'UNAUTHORIZED' },
  REGISTRY_RATE_LIMITED: { status: 429, code: 'TOOMANYREQUESTS' },
  // whether to come again is for the error to say: a certificate that nobody trusts stays so
  REGISTRY_UNAVAILABLE: { status: 503, code: 'UNAVAILABLE' },
  REGISTRY_ANSWER_INVALID: BAD_UPSTREAM,
  MANIFEST_UNKNOWN: { status: 404, code: 'MANIFEST_UNKNOWN' },
  BLOB_UNKNOWN: { status: 404, code: 'BLOB_UNKNOWN' },
  DIGEST_MISMATCH: BAD_UPSTREAM,
  LOG_UNAVAILABLE: OUTAGE,
  LOG_IN_USE: OUTAGE,
  SIGNER_UNAVAILABLE: OUTAGE,
  TRUST_ROOT_UNAVAILABLE: OUTAGE,
  LOG_ENTRY_INVALID: DENIED,
  LOG_PROOF_INVALID: DENIED,
  LOG_FORKED: DENIED,
  LOG_CROWDED: DENIED,
  TRUST_ROOT_INVALID: DENIED,
  IDENTITY_MISMATCH: DENIED,
  RECORD_INVALID: DENIED,
  RECORD_LOST: DENIED,
  RECORD_CONFLICTED: DENIED,
  RECORD_UNLOGGED: DENIED,
  STORE_UNAVAILABLE: OUTAGE,
  KUBERNETES_UNAVAILABLE: OUTAGE,
  KUBERNETES_REFUSED: OWN_FAULT,
  DEADLINE_EXCEEDED: { status: 504, code: 'UNAVAILABLE', retryAfterSeconds: 5 },
  ADDRESS_IN_USE: OWN_FAULT,
  INTERNAL: OWN_FAULT,
};

/** One error object: docker and podman read only the first. The body is left out for HEAD by node:http. */
export function sendOciError(response: ServerResponse, error: OciError): void {
  const { status, code, message, detail = null, retryAfterSeconds, headers } = error;
  sendJson(
    response,
    status,
    { errors: [{ code, message, detail }] },
    {
      ...(retryAfterSeconds === undefined
        ? {}
        : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) }),
      ...headers,
    },
  );
}

import type { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { denialMessage } from './denial-text.ts';
import type { RefusalReason } from './outcome.ts';
import { renderPatch } from './patch.ts';
import type { Addition, Replacement } from './patch.ts';
import { limitWarnings } from './warnings.ts';

/** One thing that is refused: an image, or a field of one of our own resources. */
export interface DeniedImage {
  /** `spec.containers[0].image` */
  readonly field: string;
  readonly reason: RefusalReason;
  readonly message: string;
}

export type Answer =
  | {
      readonly kind: 'allow';
      readonly replacements: readonly Replacement[];
      readonly additions?: readonly Addition[];
      readonly warnings: readonly string[];
      readonly auditAnnotations: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: 'deny';
      readonly images: readonly DeniedImage[];
      readonly warnings: readonly string[];
      readonly auditAnnotations: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'retry'; readonly seconds: number; readonly message: string }
  | { readonly kind: 'failed'; readonly error: AppError };

interface StatusKind {
  readonly code: number;
  /** metav1.StatusReason */
  readonly reason: string;
}

const FORBIDDEN: StatusKind = { code: 403, reason: 'Forbidden' };
const BAD_REQUEST: StatusKind = { code: 400, reason: 'BadRequest' };
const OWN_FAULT: StatusKind = { code: 500, reason: 'InternalError' };

/**
 * What the API server is told by reason. An outage is a 403 as well: a status that clients retry would keep a worker of
 * the controller manager busy for ten rounds, while the ReplicaSet's own back-off does the same without harm.
 */
const STATUS_OF: Readonly<Record<RefusalReason, StatusKind>> = {
  TAG_MOVED: FORBIDDEN,
  DIGEST_NOT_RECORDED: FORBIDDEN,
  NOT_RECORDED: FORBIDDEN,
  NOT_PINNED: FORBIDDEN,
  REFERENCE_INVALID: FORBIDDEN,
  REVIEW_INVALID: BAD_REQUEST,
  POLICY_INVALID: FORBIDDEN,
  CONFIG_INVALID: FORBIDDEN,
  KEY_INVALID: FORBIDDEN,
  CREDENTIALS_INVALID: FORBIDDEN,
  DOCUMENT_INVALID: FORBIDDEN,
  REGISTRY_NOT_ALLOWED: FORBIDDEN,
  ADDRESS_FORBIDDEN: FORBIDDEN,
  REGISTRY_UNAUTHORIZED: FORBIDDEN,
  REGISTRY_RATE_LIMITED: FORBIDDEN,
  REGISTRY_UNAVAILABLE: FORBIDDEN,
  REGISTRY_ANSWER_INVALID: FORBIDDEN,
  MANIFEST_UNKNOWN: FORBIDDEN,
  BLOB_UNKNOWN: FORBIDDEN,
  DIGEST_MISMATCH: FORBIDDEN,
  LOG_UNAVAILABLE: FORBIDDEN,
  LOG_IN_USE: FORBIDDEN,
  SIGNER_UNAVAILABLE: FORBIDDEN,
  TRUST_ROOT_UNAVAILABLE: FORBIDDEN,
  LOG_ENTRY_INVALID: FORBIDDEN,
  LOG_PROOF_INVALID: FORBIDDEN,
  LOG_FORKED: FORBIDDEN,
  LOG_CROWDED: FORBIDDEN,
  TRUST_ROOT_INVALID: FORBIDDEN,
  IDENTITY_MISMATCH: FORBIDDEN,
  RECORD_INVALID: FORBIDDEN,
  RECORD_LOST: FORBIDDEN,
  RECORD_CONFLICTED: FORBIDDEN,
  RECORD_UNLOGGED: FORBIDDEN,
  STORE_UNAVAILABLE: FORBIDDEN,
  KUBERNETES_UNAVAILABLE: FORBIDDEN,
  KUBERNETES_REFUSED: FORBIDDEN,
  DEADLINE_EXCEEDED: FORBIDDEN,
  ADDRESS_IN_USE: OWN_FAULT,
  INTERNAL: OWN_FAULT,
} satisfies Record<ErrorCode | RefusalReason, StatusKind>;

/** The AdmissionReview v1 that answers the request `uid`. */
export function renderReview(uid: string, answer: Answer): string {
  const response =
    answer.kind === 'allow' ? renderAllowed(answer) : JSON.stringify(refusalOf(uid, answer)).slice(1);
  return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":${JSON.stringify(uid)},${response}}`;
}

/**
 * The fields of an allowed response after the first brace. By hand, since every Pod passes here: JSON.stringify is slow on
 * the ever new keys of the annotations.
 */
function renderAllowed({
  replacements,
  additions = [],
  warnings,
  auditAnnotations,
}: Extract<Answer, { kind: 'allow' }>): string {
  // the API server wants both or neither; base64 needs no escaping
  const patch =
    replacements.length + additions.length === 0
      ? ''
      : `"patchType":"JSONPatch","patch":"${renderPatch(replacements, additions)}",`;
  const warned = warnings.length === 0 ? '' : `"warnings":${JSON.stringify(limitWarnings(warnings))},`;
  let annotations = '';
  for (const [key, value] of auditAnnotations) {
    annotations += `${annotations === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
  }
  return `"allowed":true,${patch}${warned}"auditAnnotations":{${annotations}}}`;
}

function refusalOf(
  uid: string,
  answer: Exclude<Answer, { kind: 'allow' }>,
): Readonly<Record<string, unknown>> {
  switch (answer.kind) {
    case 'deny':
      return {
        allowed: false,
        status: denialStatus(answer.images),
        ...warningsField(answer.warnings),
        auditAnnotations: Object.fromEntries(answer.auditAnnotations),
      };
    case 'retry':
      return { allowed: false, status: retryStatus(answer), auditAnnotations: { decision: 'retry' } };
    case 'failed':
      return {
        allowed: false,
        status: failureStatus(uid, answer.error),
        auditAnnotations: { decision: 'deny' },
      };
  }
}

function warningsField(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings: limitWarnings(warnings) };
}

/** Our own fault shows only when it is the whole reason. */
function denialStatus(images: readonly DeniedImage[]) {
  const kinds = images.map(({ reason }) => STATUS_OF[reason]);
  const kind = kinds.find(({ code }) => code !== OWN_FAULT.code) ?? OWN_FAULT;
  return {
    ...failure(kind),
    message: denialMessage(images),
    details: { causes: images.map(({ field, message, reason }) => ({ reason, message, field })) },
  };
}

/** 429 with `retryAfterSeconds` becomes Retry-After, and kubectl and client-go retry silently. The text is stable. */
function retryStatus({ seconds, message }: Extract<Answer, { kind: 'retry' }>) {
  return {
    ...failure({ code: 429, reason: 'TooManyRequests' }),
    message,
    details: { retryAfterSeconds: Math.max(1, Math.ceil(seconds)) },
  };
}

function failureStatus(uid: string, error: AppError) {
  const kind = STATUS_OF[error.code];
  const message =
    kind === OWN_FAULT ? `internal error, request ${uid}: see the log of Tagseal` : error.message;
  return { ...failure(kind), message };
}

function failure(kind: StatusKind) {
  return { status: 'Failure', code: kind.code, reason: kind.reason };
}

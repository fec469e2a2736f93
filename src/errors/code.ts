/** Every way in which Tagseal can fail to reach a verdict. Each door maps the whole union in one table. */
export const ERROR_CODES = [
  'REFERENCE_INVALID',
  'POLICY_INVALID',
  'CONFIG_INVALID',
  'KEY_INVALID',
  'SIGNER_UNAVAILABLE',
  'CREDENTIALS_INVALID',
  'REVIEW_INVALID',
  'DOCUMENT_INVALID',
  'REGISTRY_NOT_ALLOWED',
  'ADDRESS_FORBIDDEN',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_RATE_LIMITED',
  'REGISTRY_UNAVAILABLE',
  'REGISTRY_ANSWER_INVALID',
  'MANIFEST_UNKNOWN',
  'BLOB_UNKNOWN',
  'DIGEST_MISMATCH',
  'LOG_UNAVAILABLE',
  'LOG_IN_USE',
  'LOG_ENTRY_INVALID',
  'LOG_PROOF_INVALID',
  'LOG_FORKED',
  'LOG_CROWDED',
  'TRUST_ROOT_INVALID',
  'TRUST_ROOT_UNAVAILABLE',
  'IDENTITY_MISMATCH',
  'RECORD_INVALID',
  'RECORD_LOST',
  'RECORD_CONFLICTED',
  'RECORD_UNLOGGED',
  'STORE_UNAVAILABLE',
  'KUBERNETES_UNAVAILABLE',
  'KUBERNETES_REFUSED',
  'DEADLINE_EXCEEDED',
  'ADDRESS_IN_USE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * Codes that say "nobody could be asked", and nothing about evidence. Only these may be forgiven by a rule
 * (`onUnresolvable`); every other code denies.
 */
const UNAVAILABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_RATE_LIMITED',
  'REGISTRY_UNAVAILABLE',
  'MANIFEST_UNKNOWN',
  'DEADLINE_EXCEEDED',
]);

export function isUnavailable(code: ErrorCode): boolean {
  return UNAVAILABLE.has(code);
}

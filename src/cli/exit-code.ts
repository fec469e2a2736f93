import type { DenialReason, Verdict } from '../check/verdict.ts';
import type { ErrorCode } from '../errors/code.ts';

/** The exit codes that scripts may rely on (DESIGN section 7). */
export const EXIT = {
  ok: 0,
  denied: 1,
  usage: 2,
  unreachable: 3,
  evidence: 4,
  internal: 70,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

const { denied, evidence, internal, ok, unreachable, usage } = EXIT;

const BY_ERROR: Readonly<Record<ErrorCode, number>> = {
  REFERENCE_INVALID: usage,
  POLICY_INVALID: usage,
  CONFIG_INVALID: usage,
  KEY_INVALID: usage,
  CREDENTIALS_INVALID: usage,
  REVIEW_INVALID: usage,
  DOCUMENT_INVALID: usage,
  REGISTRY_NOT_ALLOWED: usage,
  ADDRESS_FORBIDDEN: usage,
  ADDRESS_IN_USE: usage,
  LOG_IN_USE: usage,
  REGISTRY_UNAUTHORIZED: unreachable,
  REGISTRY_RATE_LIMITED: unreachable,
  REGISTRY_UNAVAILABLE: unreachable,
  REGISTRY_ANSWER_INVALID: unreachable,
  MANIFEST_UNKNOWN: unreachable,
  BLOB_UNKNOWN: unreachable,
  LOG_UNAVAILABLE: unreachable,
  SIGNER_UNAVAILABLE: unreachable,
  TRUST_ROOT_UNAVAILABLE: unreachable,
  STORE_UNAVAILABLE: unreachable,
  KUBERNETES_UNAVAILABLE: unreachable,
  KUBERNETES_REFUSED: usage,
  DEADLINE_EXCEEDED: unreachable,
  DIGEST_MISMATCH: evidence,
  LOG_ENTRY_INVALID: evidence,
  LOG_PROOF_INVALID: evidence,
  LOG_FORKED: evidence,
  LOG_CROWDED: evidence,
  TRUST_ROOT_INVALID: evidence,
  IDENTITY_MISMATCH: evidence,
  RECORD_INVALID: evidence,
  RECORD_LOST: evidence,
  RECORD_CONFLICTED: evidence,
  RECORD_UNLOGGED: evidence,
  INTERNAL: internal,
};

const BY_REASON: Readonly<Record<DenialReason, number>> = {
  ...BY_ERROR,
  TAG_MOVED: denied,
  DIGEST_NOT_RECORDED: denied,
  NOT_RECORDED: denied,
};

/** Worst first. */
const ORDER: readonly number[] = [internal, evidence, denied, usage, unreachable, ok];

export function exitCodeOfReason(reason: DenialReason): number {
  return BY_REASON[reason];
}

/** A rule that only warns changes what may run, not what is true: `report` counts as its denial. */
export function exitCodeOf(verdict: Verdict): number {
  switch (verdict.kind) {
    case 'admit':
    case 'exempt':
      return ok;
    case 'pending':
      return unreachable;
    case 'deny':
    case 'report':
      return exitCodeOfReason(verdict.denial.reason);
  }
}

/** Of several images the worst counts: 70, 4, 1, 2, 3, 0. */
export function worst(codes: readonly number[]): number {
  return ORDER.find((code) => codes.includes(code)) ?? ok;
}

import type { ErrorCode } from '../errors/code.ts';
import { toAppError } from '../errors/app-error.ts';
import { verifyStatement, type VerifiedStatement } from './logged-record.ts';
import type { EvidenceVerifier, LogHistory, LogIdentity, OwnEntry } from './ports.ts';

export interface EntryEvidenceParts {
  readonly history: Pick<LogHistory, 'bundleOf'>;
  readonly verifier: EvidenceVerifier;
  readonly identity: LogIdentity;
}

const NOT_VERIFIED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['RECORD_INVALID', 'IDENTITY_MISMATCH']);

/**
 * The verified evidence of an entry of ours that was found in the log; undefined where it cannot verify for want of a
 * time: a certificate is valid for minutes, and only Rekor v1 keeps a time with its entries. Throws LOG_*, RECORD_INVALID,
 * IDENTITY_MISMATCH.
 */
export async function entryEvidence(
  entry: OwnEntry,
  { history, verifier, identity }: EntryEvidenceParts,
  signal: AbortSignal,
): Promise<VerifiedStatement | undefined> {
  const bundle = await history.bundleOf(entry, signal);
  try {
    return await verifyStatement(verifier, { ...entry.signed, bundle });
  } catch (error) {
    const hasNoTime = entry.signed.verifier.kind === 'certificate' && identity.kind !== 'rekor-v1';
    if (hasNoTime && NOT_VERIFIED.has(toAppError(error).code)) return undefined;
    throw error;
  }
}

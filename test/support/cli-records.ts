import type { Digest } from '../../src/reference/digest.ts';
import type { GenerationFound, RecordWithEvidence } from '../../src/cli/ports.ts';
import type { SignatureVerifier } from '../../src/ledger/evidence.ts';
import type { Approval, TagRecord } from '../../src/ledger/record.ts';
import { approvalStatement } from '../../src/ledger/statement.ts';
import { digestOfA, sampleRecord } from './sample-record.ts';

export interface CliRecordWish extends Partial<TagRecord> {
  readonly index?: number;
  readonly verifier?: SignatureVerifier;
}

export const CERTIFICATE: SignatureVerifier = { kind: 'certificate', der: 'MIIB' };

/** A record that a log has, right in every field but its signatures. */
export function cliRecord(reference: string, wish: CliRecordWish = {}): TagRecord {
  const { index = 12, verifier, ...change } = wish;
  const log = {
    kind: 'embedded',
    url: 'http://127.0.0.1:9090/log',
    origin: 'log.test',
    index,
    uuid: 'f'.repeat(64),
    time: '2026-11-02T10:00:01Z',
  };
  const record = sampleRecord(reference, { phase: 'Logged', log, ...change });
  const evidence = {
    bundle: { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' },
    ...(verifier && { verifier }),
  };
  return { ...record, claim: { ...record.claim, ...evidence }, binding: { ...record.binding, ...evidence } };
}

/** The record with an approval in due form. */
export function acceptedBy(
  approval: Approval,
  record: TagRecord,
  before: { readonly from?: Digest } = { from: digestOfA },
): TagRecord {
  const { signature, verifier } = record.binding;
  const statement = approvalStatement({ ...record, ...approval, ...before });
  return { ...record, approval: { statement, signature, verifier } };
}

export function inLog(record: TagRecord): RecordWithEvidence {
  return { record, logged: true };
}

export function verified(record: TagRecord): GenerationFound {
  return { kind: 'verified', ...inLog(record) };
}

import type { GenerationFound, RecordWithEvidence } from '../../src/cli/ports.ts';
import type { SignatureVerifier } from '../../src/ledger/evidence.ts';
import type { Approval, TagRecord } from '../../src/ledger/record.ts';
import { sampleRecord } from './sample-record.ts';

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

export function inLog(record: TagRecord, approval?: Approval): RecordWithEvidence {
  return { record, logged: true, ...(approval && { approval }) };
}

export function verified(record: TagRecord, approval?: Approval): GenerationFound {
  return { kind: 'verified', ...inLog(record, approval) };
}

import type { LoggedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import type { EvidenceVerifier, LogIdentity } from './ports.ts';

/** The record with verified bundles in place: phase Logged. Throws LOG_*, IDENTITY_MISMATCH, RECORD_INVALID. */
export async function loggedRecord(
  record: TagRecord,
  evidence: { readonly claim: LoggedStatement; readonly binding: LoggedStatement },
  { verifier, identity }: { readonly verifier: EvidenceVerifier; readonly identity: LogIdentity },
): Promise<TagRecord> {
  const [, entry] = await Promise.all([verifier.verify(evidence.claim), verifier.verify(evidence.binding)]);
  const time =
    entry.integratedTime === undefined ? {} : { time: new Date(entry.integratedTime * 1000).toISOString() };
  return {
    ...record,
    ...evidence,
    phase: 'Logged',
    log: {
      kind: identity.kind,
      url: identity.url,
      origin: identity.origin,
      index: entry.logIndex,
      uuid: entry.uuid,
      ...time,
    },
  };
}

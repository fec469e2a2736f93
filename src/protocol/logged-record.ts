import type { LoggedStatement, VerifiedEntry } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import type { EvidenceVerifier, LogIdentity } from './ports.ts';

/** A logged statement with what its bundle proves; made by verifyStatement alone, so that nothing is verified twice. */
export interface VerifiedStatement {
  readonly logged: LoggedStatement;
  readonly entry: VerifiedEntry;
}

/** Throws LOG_*, IDENTITY_MISMATCH, RECORD_INVALID. */
export async function verifyStatement(
  verifier: EvidenceVerifier,
  logged: LoggedStatement,
): Promise<VerifiedStatement> {
  return { logged, entry: await verifier.verify(logged) };
}

/** The record with its verified bundles in place: phase Logged. */
export function loggedRecord(
  record: TagRecord,
  { claim, binding }: { readonly claim: VerifiedStatement; readonly binding: VerifiedStatement },
  identity: LogIdentity,
): TagRecord {
  const { integratedTime, logIndex, uuid } = binding.entry;
  const time = integratedTime === undefined ? {} : { time: new Date(integratedTime * 1000).toISOString() };
  const { kind, url, origin } = identity;
  return {
    ...record,
    claim: claim.logged,
    binding: binding.logged,
    phase: 'Logged',
    log: { kind, url, origin, index: logIndex, uuid, ...time },
  };
}

import type { VerifiedRecord } from '../check/ports.ts';
import type { LoadedRecord } from './load-record.ts';

/**
 * Verified records by canonical reference, bounded. A verified record of a generation never changes, so what is
 * remembered needs no look-up; only `logged` records may be put in.
 */
export interface RecordMemory {
  get(canonical: string): VerifiedRecord | undefined;
  set(canonical: string, found: VerifiedRecord): void;
}

/** Puts a loaded record in without its evidence: a dozen kB a tag that nobody asks for on the warm path. */
export function remember(memory: RecordMemory, { record, logged }: LoadedRecord): VerifiedRecord {
  const {
    reference,
    digest,
    scope,
    claimId,
    generation,
    privacy,
    firstSeen,
    origin,
    phase,
    reservedAt,
    log,
  } = record;
  const known = {
    reference,
    digest,
    scope,
    claimId,
    generation,
    privacy,
    firstSeen,
    origin,
    phase,
    reservedAt,
  };
  const found = { record: { ...known, ...(log && { log }) }, logged };
  memory.set(reference, found);
  return found;
}

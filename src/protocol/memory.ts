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
  const { claim, binding, ...known } = record;
  const found = { record: known, logged };
  memory.set(known.reference, found);
  return found;
}

import type { VerifiedRecord } from '../check/ports.ts';

/**
 * Verified records by canonical reference, bounded. A verified record of a generation never changes, so what is
 * remembered needs no look-up; only `logged` records may be put in.
 */
export interface RecordMemory {
  get(canonical: string): VerifiedRecord | undefined;
  set(canonical: string, found: VerifiedRecord): void;
}

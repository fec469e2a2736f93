import type { VerifiedRecord } from '../check/ports.ts';
import type { LoadedRecord } from './load-record.ts';
import type { OnGeneration } from './ports.ts';

/** Where verified records are kept by canonical reference; bounded by whoever made it. */
export interface RecordCache {
  get(canonical: string): VerifiedRecord | undefined;
  set(canonical: string, found: VerifiedRecord): unknown;
  has(canonical: string): boolean;
  delete(canonical: string): unknown;
}

/**
 * Verified records by canonical reference. A verified record of a generation never changes, so what is remembered needs
 * no look-up until a newer generation is heard of; only `logged` records may be put in.
 */
export interface RecordMemory {
  get(canonical: string): VerifiedRecord | undefined;
  /** Keeps the newer generation of the two; nothing that was loaded in an `era` that is over. */
  set(found: VerifiedRecord, era?: number): void;
  /** Ends each time that something must be loaded anew. */
  era(): number;
  /** Forgets a generation that is refused from now on; who loads it anew is told by the store. */
  forget(claimId: string, generation: number): void;
  /** Forgets what is older than this generation: the handler of a GenerationFollower. */
  onGeneration: OnGeneration;
}

/** A look-up that began before a newer generation was heard of ends soon after; this many may be heard of meanwhile. */
const MAX_HEARD = 10_000;
const MIN_SWEPT = 1_000;

export function makeRecordMemory(cache: RecordCache): RecordMemory {
  const references = new Map<string, string>();
  const heard = new Map<string, number>();
  let sweepAt = MIN_SWEPT;
  let era = 0;

  /** The cache drops entries by itself, and tells nobody. */
  function sweep(): void {
    for (const [claimId, canonical] of references) if (!cache.has(canonical)) references.delete(claimId);
    sweepAt = Math.max(MIN_SWEPT, 2 * references.size);
  }

  return {
    get: (canonical) => cache.get(canonical),
    era: () => era,
    set(found, loadedIn = era) {
      if (loadedIn !== era) return;
      const { reference, claimId, generation } = found.record;
      const known = cache.get(reference)?.record.generation ?? -1;
      if (generation < Math.max(known, heard.get(claimId) ?? 0)) return;
      cache.set(reference, found);
      references.set(claimId, reference);
      if (references.size > sweepAt) sweep();
    },
    forget(claimId, generation) {
      era += 1;
      const canonical = references.get(claimId);
      const found = canonical === undefined ? undefined : cache.get(canonical);
      if (canonical !== undefined && found !== undefined && found.record.generation <= generation)
        cache.delete(canonical);
    },
    onGeneration(claimId, generation) {
      const newest = Math.max(generation, heard.get(claimId) ?? 0);
      // to the end of the line: the first in it are the ones that are dropped
      heard.delete(claimId);
      heard.set(claimId, newest);
      for (const [oldest] of heard) {
        if (heard.size <= MAX_HEARD) break;
        heard.delete(oldest);
      }
      const canonical = references.get(claimId);
      const found = canonical === undefined ? undefined : cache.get(canonical);
      if (canonical !== undefined && found !== undefined && found.record.generation < newest)
        cache.delete(canonical);
    },
  };
}

/** The record without its evidence: a dozen kB a tag that nobody asks for on the warm path. */
export function withoutEvidence({ record, logged }: LoadedRecord): VerifiedRecord {
  const { claim, binding, approval, ...known } = record;
  return { record: known, logged };
}

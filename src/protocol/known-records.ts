import type { VerifiedRecord } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { TagRecord } from '../ledger/record.ts';
import { statementDigest } from '../ledger/statement.ts';
import type { TagReference } from '../reference/reference.ts';
import { findStored } from './find-stored.ts';
import { loadRecord, type LoadedRecord } from './load-record.ts';
import { withoutEvidence, type RecordMemory } from './memory.ts';
import type { Naming } from './naming.ts';
import type { EvidenceVerifier, LogHistory, OwnEntry, RecordStore, StoredRecord } from './ports.ts';

export interface KnownRecordsParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
  readonly memory: RecordMemory;
  /** Where it can tell at no cost (`knows`), a record is refused when the log has a newer generation than the store. */
  readonly history: Pick<LogHistory, 'ready' | 'earliest' | 'knows'>;
  /** Ends with the program. */
  readonly lifetime: AbortSignal;
}

/** A verified record with the version that a compare-and-swap needs. */
export interface VersionedRecord extends LoadedRecord {
  readonly version: string;
}

/** Records from memory and store; from the store they count only once all of their evidence has been verified. */
export interface KnownRecords {
  remembered(reference: TagReference): VerifiedRecord | undefined;
  /** As the store has it, unverified. Throws as RecordStore.find. */
  stored(reference: TagReference, signal: AbortSignal): Promise<StoredRecord | undefined>;
  /**
   * The newest generation, verified. Throws as loadRecord, and RECORD_LOST when the log knows a newer one: who deletes a
   * record brings the one before it not back.
   */
  load(reference: TagReference, signal: AbortSignal): Promise<VersionedRecord | undefined>;
  /** Puts a record into memory, if it is logged, and gives it without its evidence. */
  keep(found: LoadedRecord): VerifiedRecord;
}

export function makeKnownRecords(parts: KnownRecordsParts): KnownRecords {
  const { store, naming, verifier, memory, history, lifetime } = parts;
  let isCaughtUp = history.knows === undefined;
  let catchingUp: Promise<void> | undefined;
  const origins = new WeakMap<TagRecord, { readonly era: number; readonly reference: TagReference }>();
  // what was remembered before the log could tell of newer generations
  const unchecked = new Map<string, TagReference>();

  const stored = (reference: TagReference, signal: AbortSignal) =>
    findStored(reference, { store, naming }, signal);

  async function load(reference: TagReference, signal: AbortSignal): Promise<VersionedRecord | undefined> {
    beginToCatchUp();
    const era = memory.era();
    const found = await stored(reference, signal);
    if (found === undefined) return undefined;
    const loaded = await loadRecord(found.record, reference, { naming, verifier });
    origins.set(loaded.record, { era, reference });
    const newer = await newerClaim(reference, loaded.record, signal);
    if (newer === undefined) return { ...loaded, version: found.version };
    // it may have been recorded since we looked
    const again = await stored(reference, signal);
    const { generation } = loaded.record;
    if (again !== undefined && again.record.generation > generation) return load(reference, signal);
    throw outdated(reference, generation, newer.index);
  }

  async function newerClaim(
    reference: TagReference,
    { privacy, generation }: TagRecord,
    signal: AbortSignal,
  ): Promise<OwnEntry | undefined> {
    if (!mayBeOutdated(reference, { privacy, generation })) return undefined;
    return history.earliest(naming.claim(reference, privacy, generation + 1), signal);
  }

  function mayBeOutdated(
    reference: TagReference,
    { privacy, generation }: Pick<TagRecord, 'privacy' | 'generation'>,
  ): boolean {
    return history.knows?.(statementDigest(naming.claim(reference, privacy, generation + 1))) === true;
  }

  function beginToCatchUp(): void {
    if (!isCaughtUp) catchingUp ??= catchUp();
  }

  async function catchUp(): Promise<void> {
    try {
      await history.ready(lifetime);
      isCaughtUp = true;
      // the log may have a newer generation of any of them, which nobody could see before
      for (const [canonical, reference] of unchecked) {
        const record = memory.get(canonical)?.record;
        if (record !== undefined && mayBeOutdated(reference, record))
          memory.forget(record.claimId, record.generation);
      }
      unchecked.clear();
    } catch {
      // an outage is told by who needs the log; known tags go on without it
    } finally {
      catchingUp = undefined;
    }
  }

  return {
    remembered(reference) {
      const found = memory.get(reference.canonical);
      if (isCaughtUp || found === undefined) return found;
      beginToCatchUp();
      // the log is read by others, too
      return mayBeOutdated(reference, found.record) ? undefined : found;
    },
    stored,
    load,
    keep(loaded) {
      const found = withoutEvidence(loaded);
      const origin = origins.get(loaded.record);
      // the log may have been read on since it was loaded
      if (origin !== undefined && mayBeOutdated(origin.reference, loaded.record)) return found;
      if (found.logged) memory.set(found, origin?.era);
      if (!isCaughtUp && origin !== undefined) unchecked.set(found.record.reference, origin.reference);
      return found;
    },
  };
}

/** The store has an older generation than the log: RECORD_LOST. */
export function outdated({ canonical }: TagReference, generation: number, index: number): AppError {
  return new AppError({
    code: 'RECORD_LOST',
    message:
      `${canonical}: the store has generation ${generation}, a newer generation is in the log (claim at log index ` +
      `${index}) and its record is lost; restore it: tagseal restore ${canonical}`,
  });
}

import type { VerifiedRecord } from '../check/ports.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { Privacy, TagRecord } from '../ledger/record.ts';
import { checkRecordStatements } from '../ledger/tag-record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import { outdated, type KnownRecords } from './known-records.ts';
import { lostAdvice, UNBOUND } from './lost-claim.ts';
import type { Naming } from './naming.ts';
import type { EvidenceVerifier, LogHistory, RecordStore, StoredRecord } from './ports.ts';
import type { Publisher } from './publish.ts';
import type { Rebuilder } from './rebuild.ts';
import type { Republisher } from './republish.ts';
import { findInLog, type TagInLog } from './tag-in-log.ts';

export interface RestorerParts {
  readonly store: RecordStore;
  readonly records: KnownRecords;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
  readonly history: LogHistory;
  readonly rebuilder: Rebuilder;
  readonly publisher: Publisher;
  readonly republisher: Republisher;
}

export type Restored =
  /** Written to the store by this call. */
  | { readonly kind: 'restored'; readonly found: VerifiedRecord }
  /** The store has it, and its evidence verifies. */
  | { readonly kind: 'present'; readonly found: VerifiedRecord }
  /** The log surely has no claim of ours on the tag, and the store no record. */
  | { readonly kind: 'absent' };

export type Mended =
  | Restored
  /** The log has a claim on the newest generation and binds no digest that is known here: nothing can be made of it. */
  | {
      readonly kind: 'lost';
      readonly privacy: Privacy;
      readonly generation: number;
      readonly problem: AppError;
    };

export interface Restorer {
  /**
   * Makes the record of the tag's newest generation from the log alone, or mends the one in the store. `digest` is what the
   * tag is thought to mean; undefined: what the broken record says. The log must bind the newest generation to it. Throws
   * RECORD_LOST where it does not, or where no digest is known; LOG_*, STORE_UNAVAILABLE, SIGNER_UNAVAILABLE.
   */
  restore(reference: TagReference, digest: Digest | undefined, signal: AbortSignal): Promise<Restored>;
  /** As `restore`, but what is lost for want of a digest is an answer. */
  mend(reference: TagReference, digest: Digest | undefined, signal: AbortSignal): Promise<Mended>;
}

/** What a record that does not count is refused with: an outage says nothing about it. */
const BROKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RECORD_INVALID',
  'RECORD_LOST',
  'RECORD_CONFLICTED',
  'RECORD_UNLOGGED',
  'LOG_ENTRY_INVALID',
  'LOG_PROOF_INVALID',
  'IDENTITY_MISMATCH',
]);
const MAX_TRIES = 3;

/** Whether the error is about a record that does not count, and that may be mended. */
export function isBroken(error: unknown): boolean {
  return BROKEN.has(toAppError(error).code);
}

export function makeRestorer(parts: RestorerParts): Restorer {
  const { store, records, naming, verifier, history, rebuilder, publisher, republisher } = parts;

  async function restore(
    reference: TagReference,
    digest: Digest | undefined,
    signal: AbortSignal,
  ): Promise<Restored> {
    const mended = await mend(reference, digest, signal);
    if (mended.kind === 'lost') throw mended.problem;
    return mended;
  }

  async function mend(
    reference: TagReference,
    digest: Digest | undefined,
    signal: AbortSignal,
  ): Promise<Mended> {
    await history.ready(signal);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const sound = await soundRecord(reference, signal);
      if ('record' in sound) return { kind: 'present', found: sound };
      const broken = await records.stored(reference, signal);
      // somebody has just written it
      if (broken !== undefined && sound.problem === undefined) continue;
      const mended = await fromLog({ reference, digest, broken, problem: sound.problem }, signal);
      if (mended !== undefined) return mended;
    }
    throw contested(reference);
  }

  /** Undefined where somebody else has changed the store meanwhile. */
  async function fromLog(wanted: Wanted, signal: AbortSignal): Promise<Mended | undefined> {
    const { reference, broken, problem } = wanted;
    const asked = { privacies: naming.privacies(reference), from: 0 };
    const tag = await findInLog(reference, asked, { naming, history }, signal);
    if (broken === undefined) return tag === undefined ? { kind: 'absent' } : made(tag, wanted, signal);
    if (isForgotten(tag, broken)) {
      const found = await republisher.republish(reference, broken, tag?.generation ?? -1, signal);
      return found && { kind: 'restored', found };
    }
    // of a generation that the log never saw nothing can be made, and the one before it does not take its place
    if (tag === undefined || isBefore(tag, broken)) throw problem;
    return made(tag, wanted, signal);
  }

  /** From what the log has of this generation. */
  async function made(tag: TagInLog, wanted: Wanted, signal: AbortSignal): Promise<Mended | undefined> {
    const { reference, broken } = wanted;
    const record = await rebuilt(tag, wanted, signal);
    if (record === undefined) {
      // somebody may have recorded it since: then the claim is theirs, and their binding on its way
      const now = await records.stored(reference, signal);
      return isSame(now, broken) ? lost(tag, wanted) : undefined;
    }
    if (!(await written(record, broken, signal))) return undefined;
    return { kind: 'restored', found: await finished(reference, record) };
  }

  /** The record that needs no restoring, published if it was only reserved; or why there is none. */
  async function soundRecord(
    reference: TagReference,
    signal: AbortSignal,
  ): Promise<VerifiedRecord | { readonly problem: unknown }> {
    try {
      const found = await records.load(reference, signal);
      if (found === undefined) return { problem: undefined };
      await requireNewest(reference, found.record, signal);
      return found.logged ? records.keep(found) : await publisher.publish(reference);
    } catch (error) {
      if (isBroken(error)) return { problem: error };
      throw error;
    }
  }

  /** A Rekor v1 is not asked when a record is loaded. Throws RECORD_LOST. */
  async function requireNewest(
    reference: TagReference,
    { privacy, generation }: TagRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const next = await history.earliest(naming.claim(reference, privacy, generation + 1), signal);
    if (next !== undefined) throw outdated(reference, generation, next.index);
  }

  async function rebuilt(tag: TagInLog, wanted: Wanted, signal: AbortSignal): Promise<TagRecord | undefined> {
    const { reference, broken } = wanted;
    for (const each of digestsOf(tag, wanted)) {
      const record = await rebuilder.rebuild(tag, { reference, digest: each }, signal);
      if (record !== undefined) return withApproval(record, broken?.record);
    }
    return undefined;
  }

  /** An approval is in no log: what the broken record has of it is kept if it verifies. */
  async function withApproval(record: TagRecord, old: TagRecord | undefined): Promise<TagRecord> {
    if (old?.approval === undefined) return record;
    const whole = { ...record, approval: old.approval };
    try {
      checkRecordStatements(whole, naming.blindingKey);
      await verifier.verifySignature(old.approval);
      return whole;
    } catch {
      // it says who accepted a move, and never that there was one
      return record;
    }
  }

  function isBefore({ privacy, generation }: TagInLog, broken: StoredRecord): boolean {
    const { privacy: brokenPrivacy, generation: brokenGeneration } = broken.record;
    return privacy === brokenPrivacy && generation < brokenGeneration;
  }

  async function written(
    record: TagRecord,
    broken: StoredRecord | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const isSame =
      broken?.record.claimId === record.claimId && broken.record.generation === record.generation;
    return broken !== undefined && isSame
      ? (await store.update(record, broken.version, signal)) === 'updated'
      : (await store.reserve(record, signal)) === 'created';
  }

  async function finished(reference: TagReference, record: TagRecord): Promise<VerifiedRecord> {
    const isWhole = record.phase === 'Logged';
    return isWhole ? records.keep({ record, logged: true }) : publisher.publish(reference);
  }

  return { restore, mend };
}

interface Wanted {
  readonly reference: TagReference;
  readonly digest: Digest | undefined;
  readonly broken: StoredRecord | undefined;
  /** What the broken record is refused with. */
  readonly problem: unknown;
}

function isSame(a: StoredRecord | undefined, b: StoredRecord | undefined): boolean {
  return a?.version === b?.version && a?.record.generation === b?.record.generation;
}

/** The log had the record once, and has no claim on its generation any more: it was set back. */
function isForgotten(tag: TagInLog | undefined, { record }: StoredRecord): boolean {
  if (record.phase !== 'Unlogged') return false;
  return tag === undefined || (tag.privacy === record.privacy && tag.generation < record.generation);
}

/** What the tag may have meant, as far as anybody says; of what was proved once, nothing else. */
function digestsOf(tag: TagInLog, { digest, broken }: Pick<Wanted, 'digest' | 'broken'>): readonly Digest[] {
  const old = broken?.record;
  if (old !== undefined && isContradicted(tag, old)) return [old.digest];
  return [...new Set([digest, old?.digest])].filter((each) => each !== undefined);
}

/** The log has a claim where the record's own entry is not. */
function isContradicted(tag: TagInLog, { phase, generation }: TagRecord): boolean {
  return phase === 'Unlogged' && tag.generation === generation;
}

function lost(tag: TagInLog, wanted: Wanted): Mended {
  const { privacy, generation } = tag;
  const { reference, broken } = wanted;
  const problem =
    broken !== undefined && isContradicted(tag, broken.record)
      ? contradicted(reference, tag, broken.record)
      : unbound(reference, tag, digestsOf(tag, wanted));
  return { kind: 'lost', privacy, generation, problem };
}

function contradicted(
  { canonical }: TagReference,
  { generation, claim }: TagInLog,
  { digest }: TagRecord,
): AppError {
  return new AppError({
    code: 'RECORD_UNLOGGED',
    message:
      `cannot restore ${canonical}: its record says ${digest}, and the log now has a claim on generation ${generation} (log ` +
      `index ${claim.index}) that does not bind it; keep a copy of the record as evidence, and accept what the tag ` +
      `means now: tagseal accept ${canonical}@sha256:... --reason "..."`,
  });
}

function unbound(
  reference: TagReference,
  { generation, claim }: TagInLog,
  digests: readonly Digest[],
): AppError {
  const tried = digests.length === 0 ? 'no digest is given' : `not ${digests.join(' or ')}`;
  return new AppError({
    code: 'RECORD_LOST',
    message:
      `cannot restore ${reference.canonical}: ${UNBOUND}, ${tried} (generation ${generation}, log index ${claim.index}); ` +
      lostAdvice(reference),
  });
}

function contested({ canonical }: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot restore ${canonical}: the store says again and again that somebody else changes its record; try again`,
  });
}

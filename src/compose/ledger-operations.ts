import type { Ledger, Resolver, VerifiedRecord } from '../check/ports.ts';
import type {
  AcceptOutcome,
  AcceptRequest,
  Before,
  GenerationFound,
  ImportOutcome,
  ListedTag,
  RestoreOutcome,
} from '../cli/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { Privacy, TagRecord } from '../ledger/record.ts';
import { loadRecord } from '../protocol/load-record.ts';
import type { Naming } from '../protocol/naming.ts';
import type { EvidenceVerifier, RecordStore, StoredRecord } from '../protocol/ports.ts';
import { isBroken, type Mended, type Restorer } from '../protocol/restore.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';

export interface OperationParts {
  readonly ledger: Ledger;
  readonly restorer: Restorer;
  readonly resolver: Resolver;
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
}

/** What people do to a ledger by hand. */
export interface LedgerOperations {
  accept(request: AcceptRequest, signal: AbortSignal): Promise<AcceptOutcome>;
  restore(reference: TagReference, signal: AbortSignal): Promise<RestoreOutcome>;
  generations(reference: TagReference, signal: AbortSignal): Promise<readonly GenerationFound[]>;
  tags(signal: AbortSignal): AsyncIterable<ListedTag>;
  importRecord(
    record: TagRecord,
    options: { readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<ImportOutcome>;
}

export function makeLedgerOperations(parts: OperationParts): LedgerOperations {
  const { ledger, restorer, resolver, store, naming, verifier } = parts;

  async function accept(request: AcceptRequest, signal: AbortSignal): Promise<AcceptOutcome> {
    try {
      const known = await ledger.latest(request.reference, signal);
      if (known !== undefined) return await move(request, known, signal);
    } catch (error) {
      // of a newer generation a Rekor v1 tells only when that is about to be claimed
      if (!isBroken(error)) throw error;
    }
    const known = await mended(request, signal);
    return known === undefined ? { kind: 'unknown' } : move(request, known, signal);
  }

  async function move(
    request: AcceptRequest,
    known: VerifiedRecord | Lost,
    signal: AbortSignal,
  ): Promise<AcceptOutcome> {
    const { reference, digest, approval } = request;
    const isThere = 'record' in known && known.record.digest === digest && known.logged;
    if (isThere) return { kind: 'present', found: known };
    await requireCurrent(request, signal);
    const [step, before] = stepFrom(known);
    const wish = { reference, digest, origin: 'cli', waitFor: 'logged', approval, ...step } as const;
    const outcome = await ledger.advance(wish, signal);
    const { found } = outcome;
    // somebody accepted another digest meanwhile: ours is the move after that
    if (outcome.kind !== 'pending' && found.record.digest !== digest) return accept(request, signal);
    if (outcome.kind === 'recorded') return { kind: 'accepted', ...before, found };
    if (outcome.kind === 'existing') return { kind: 'present', found };
    return { kind: 'pending', ...before, found, retryAfterSeconds: outcome.retryAfterSeconds };
  }

  /** What a move starts from: the record, made again from the log, or the claim of one that is lost for good. */
  async function mended(
    { reference, digest }: AcceptRequest,
    signal: AbortSignal,
  ): Promise<VerifiedRecord | Lost | undefined> {
    const outcome = await restorer.mend(reference, digest, signal);
    if (outcome.kind === 'absent') return undefined;
    return outcome.kind === 'lost' ? outcome : ledger.latest(reference, signal);
  }

  /** What is recorded must be a manifest whose bytes were hashed here. */
  async function requireCurrent({ reference, digest }: AcceptRequest, signal: AbortSignal): Promise<void> {
    const current = await resolver.fetch(reference, signal);
    if (current.digest === digest) return;
    throw new AppError({
      code: 'DIGEST_MISMATCH',
      message: `cannot accept ${digest} for ${reference.canonical}: the tag points to ${current.digest} now; accept that one, or move the tag`,
    });
  }

  async function generations(
    reference: TagReference,
    signal: AbortSignal,
  ): Promise<readonly GenerationFound[]> {
    for (const privacy of naming.privacies(reference)) {
      const stored = await store.generations(naming.claimId(reference, privacy), signal);
      if (stored.length > 0) return Promise.all(stored.map((each) => loaded(each, reference)));
    }
    return [];
  }

  async function loaded({ record }: StoredRecord, reference: TagReference): Promise<GenerationFound> {
    try {
      return { kind: 'verified', ...(await loadRecord(record, reference, { naming, verifier })) };
    } catch (error) {
      return { kind: 'broken', generation: record.generation, error };
    }
  }

  return {
    accept,
    generations,
    async restore(reference, signal) {
      const digest = reference.digest ?? (await resolver.fetch(reference, signal)).digest;
      return restorer.restore(reference, digest, signal);
    },
    async *tags(signal) {
      for await (const stored of store.list(signal)) yield listed(stored);
    },
    async importRecord(record, { dryRun }, signal) {
      const reference = tagOf(record);
      const { logged } = await loadRecord(record, reference, { naming, verifier });
      if (!logged) throw reservedOnly(record);
      const there = await sameGeneration(record, signal);
      // what the older claim of the log denies, the evidence of that very claim mends
      if (there !== undefined && isMended(there.record, record))
        return mend(there, record, { dryRun }, signal);
      if (there !== undefined) return compared(there.record, record);
      if (dryRun) return { kind: 'imported' };
      if ((await store.reserve({ ...record, origin: 'import' }, signal)) === 'created')
        return { kind: 'imported' };
      const winner = await sameGeneration(record, signal);
      return winner === undefined ? { kind: 'present' } : compared(winner.record, record);
    },
  };

  async function mend(
    there: StoredRecord,
    record: TagRecord,
    { dryRun }: { readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<ImportOutcome> {
    if (dryRun) return { kind: 'imported' };
    const outcome = await store.update({ ...record, origin: 'import' }, there.version, signal);
    return outcome === 'updated' ? { kind: 'imported' } : { kind: 'present' };
  }

  async function sameGeneration(
    { claimId, generation }: TagRecord,
    signal: AbortSignal,
  ): Promise<StoredRecord | undefined> {
    const all = await store.generations(claimId, signal);
    return all.find(({ record }) => record.generation === generation);
  }
}

type Lost = Extract<Mended, { kind: 'lost' }>;

function stepFrom(known: VerifiedRecord | Lost): readonly [{ from: number; lost?: Privacy }, Before] {
  if ('record' in known) return [{ from: known.record.generation }, { from: known.record }];
  const { generation, privacy } = known;
  return [{ from: generation, lost: privacy }, { lost: generation }];
}

/** Of a Conflicted one only by evidence that was in the log before it was reserved: there the older claim was seen. */
function isMended({ phase, reservedAt }: TagRecord, { log }: TagRecord): boolean {
  if (phase === 'Lost') return true;
  return phase === 'Conflicted' && log?.origin === reservedAt.origin && log.index < reservedAt.treeSize;
}

function compared(there: TagRecord, record: TagRecord): ImportOutcome {
  if (there.phase === 'Conflicted') return { kind: 'conflict', recorded: there.digest, isConflicted: true };
  return there.digest === record.digest ? { kind: 'present' } : { kind: 'conflict', recorded: there.digest };
}

function listed(stored: StoredRecord | { readonly name: string; readonly error: unknown }): ListedTag {
  if ('error' in stored) return { kind: 'broken', ...stored };
  return { kind: 'tag', reference: tagOf(stored.record) };
}

function tagOf({ reference: text }: TagRecord): TagReference {
  const reference = parseReference(text);
  if (isTagReference(reference)) return reference;
  throw new AppError({ code: 'RECORD_INVALID', message: `the record of ${text} is about no tag` });
}

function reservedOnly({ reference }: TagRecord): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot import the record of ${reference}: it is only reserved, and in no log; record the tag instead`,
  });
}

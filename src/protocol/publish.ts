import type { VerifiedRecord } from '../check/ports.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { LoggedStatement, SignedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import { isLogged, MAX_OUTDATED } from '../ledger/tag-record.ts';
import type { TagReference } from '../reference/reference.ts';
import { entryEvidence } from './entry-evidence.ts';
import type { KnownRecords, VersionedRecord } from './known-records.ts';
import { loadRecord, type LoadedRecord } from './load-record.ts';
import { lostAdvice, UNBOUND } from './lost-claim.ts';
import { loggedRecord, verifyStatement, type VerifiedStatement } from './logged-record.ts';
import type { Naming } from './naming.ts';
import type { EvidenceVerifier, LogHistory, LogWriter, RecordStore, StatementSigner } from './ports.ts';
import { conceded, isOfRecord, makeRivals, type RivalParts } from './rival.ts';
import type { StepHook } from './steps.ts';

export interface PublisherParts {
  readonly store: RecordStore;
  readonly records: KnownRecords;
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: LogWriter;
  readonly history: LogHistory;
  readonly at: StepHook;
  readonly sleep: RivalParts['sleep'];
  /** Publishing outlives the asker; it ends with the program. */
  readonly lifetime: AbortSignal;
}

export interface Publisher {
  readonly lifetime: AbortSignal;
  /** Brings the newest reservation of a tag into the log, from whatever point an earlier try had reached. Safe to repeat. */
  publish(reference: TagReference): Promise<VerifiedRecord>;
  /**
   * The same for the reservation of an older generation, while the log has no claim on a newer one; it stays out of memory, where
   * it would pass for the newest.
   */
  publishOlder(reference: TagReference, record: Pick<TagRecord, 'claimId' | 'generation'>): Promise<void>;
  /** Tags whose publication the log's outage has cut short: try them again. */
  unfinished(): readonly TagReference[];
}

interface Submitted extends VerifiedStatement {
  /** The log held it already. */
  readonly held: boolean;
}

const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LOG_UNAVAILABLE',
  'SIGNER_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
]);
/** Others are found again by the sweep over the store. */
const MAX_UNFINISHED = 10_000;

/** Steps 4 to 6 of the ledger protocol: submit the very bytes of the reservation, verify the answer, save the bundles. */
export function makePublisher(parts: PublisherParts): Publisher {
  const { store, records, naming, signer, verifier, writer, history, at, lifetime } = parts;
  const { identity } = writer;
  const rivals = makeRivals(parts);

  const unfinished = new Map<string, TagReference>();

  async function publish(reference: TagReference): Promise<VerifiedRecord> {
    try {
      const found = records.keep(await carryOn(() => records.load(reference, lifetime), reference));
      unfinished.delete(reference.canonical);
      return found;
    } catch (error) {
      // what is no outage will not mend by itself
      if (!OUTAGES.has(toAppError(error).code)) unfinished.delete(reference.canonical);
      else if (unfinished.size < MAX_UNFINISHED) unfinished.set(reference.canonical, reference);
      throw error;
    }
  }

  async function publishOlder(
    reference: TagReference,
    { claimId, generation }: Pick<TagRecord, 'claimId' | 'generation'>,
  ): Promise<void> {
    await carryOn(async () => {
      const all = await store.generations(claimId, lifetime);
      const stored = all.find(({ record }) => record.generation === generation);
      if (stored === undefined) return undefined;
      const loaded = await loadRecord(stored.record, reference, { naming, verifier });
      return { ...loaded, version: stored.version };
    }, reference);
  }

  async function carryOn(
    load: () => Promise<VersionedRecord | undefined>,
    reference: TagReference,
    isRenewed = false,
  ): Promise<LoadedRecord> {
    // what is published is what the store holds and what carries our signatures, never what the asker brought
    const found = await load();
    if (found === undefined) throw missing(reference);
    if (found.logged) return found;
    const { claim: signedClaim, binding: signedBinding } = found.record;
    // once: by a clock that is wrong the newest certificate has expired, too; then the log's time decides
    if (!isRenewed && ![signedClaim, signedBinding].every(isReady)) {
      await renew(found);
      return carryOn(load, reference, true);
    }
    return (await logged(found, reference)) ?? carryOn(load, reference);
  }

  /** Undefined where somebody else has changed the record meanwhile: theirs is as good, and has to be read. */
  async function logged(found: VersionedRecord, reference: TagReference): Promise<LoadedRecord | undefined> {
    const claim = await submit(found.record, found.record.claim, 'claimSubmitted');
    if (await concedes(found, claim)) return undefined;
    const binding = await submitBinding(found.record, claim);
    await at('verified');
    if (binding === undefined || (await isLost(reference, found.record, { claim, binding }))) {
      return lose(found, claim);
    }
    // an index may have come to name it only now
    if (history.knows === undefined && (await concedes(found, claim))) return undefined;
    const record = loggedRecord(found.record, { claim, binding }, identity);
    // before anybody relies on the record: a log that was set back meanwhile is found out by the next process
    await history.holdTo?.(binding.entry.checkpoint, lifetime);
    if ((await store.update(record, found.version, lifetime)) === 'conflict') return undefined;
    await at('saved');
    return { record, logged: true };
  }

  /** Whether an entry made now of this statement would verify. */
  function isReady(signed: SignedStatement | LoggedStatement): boolean {
    return isLogged(signed) || signer.isFresh(signed);
  }

  /** Signatures that have grown old are saved anew before they are submitted, so that a crash leaves nothing unexplained. */
  async function renew({ record, version }: VersionedRecord): Promise<void> {
    await history.ready(lifetime);
    const [claim, binding] = await Promise.all([
      renewed(record, record.claim),
      renewed(record, record.binding),
    ]);
    await at('signed');
    const outdated = outdatedOf(record, [claim, binding]);
    await store.update({ ...record, claim, binding, outdated }, version, lifetime);
  }

  async function renewed(
    record: TagRecord,
    signed: SignedStatement,
  ): Promise<SignedStatement | LoggedStatement> {
    if (isReady(signed)) return signed;
    // an earlier try may have made the entry in time, and then was cut short; one that is older shows later that the tag is lost
    const entry = await history.earliest(signed.statement, lifetime);
    const isForeign = entry === undefined || !(isOfRecord(entry, record) || isBelow(entry.index, record));
    const evidence = isForeign
      ? undefined
      : await entryEvidence(entry, { history, verifier, identity }, lifetime);
    return evidence?.logged ?? (await signer.sign(signed.statement, lifetime));
  }

  /**
   * Only once the log has the claim: a binding whose claim never got there, and whose record was then lost, would pass for the
   * one of a later claim. Undefined where an older claim forbids it: what is not the tag's must never reach the log.
   */
  async function submitBinding(record: TagRecord, claim: Submitted): Promise<Submitted | undefined> {
    if (!isOlder(claim, record)) return submit(record, record.binding, 'bindingSubmitted');
    await history.ready(lifetime);
    const entry = await history.earliest(record.binding.statement, lifetime);
    const binding = entry && (await entryEvidence(entry, { history, verifier, identity }, lifetime));
    return binding && { ...binding, held: true };
  }

  /** True where somebody else changed the record when another store was seen to be first; unless changed it denies from now on. */
  async function concedes({ record, version }: VersionedRecord, claim: Submitted): Promise<boolean> {
    const rival = isOlder(claim, record) ? undefined : await rivals.earlier(record, claim);
    if (rival === undefined) return false;
    // signed anew by another process, what looks like another store's may be our own
    const outcome = await store.update({ ...record, phase: 'Conflicted' }, version, lifetime);
    if (outcome === 'conflict') return true;
    throw conceded(record, rival);
  }

  async function submit(
    record: TagRecord,
    signed: SignedStatement | LoggedStatement,
    step: 'claimSubmitted' | 'bindingSubmitted',
  ): Promise<Submitted> {
    if (isLogged(signed)) return { ...(await verifyStatement(verifier, signed)), held: true };
    const { outcome, bundle } = await writer.submit(signed, lifetime);
    await at(step);
    const held = outcome === 'exists';
    const submitted = { ...(await verifyStatement(verifier, { ...signed, bundle })), held };
    if (!held && isBelow(submitted.entry.logIndex, record)) throw forked(record, submitted.entry.logIndex);
    return submitted;
  }

  function isBelow(index: number, { reservedAt }: TagRecord): boolean {
    return reservedAt.origin === identity.origin && index < reservedAt.treeSize;
  }

  /** An entry below the tree size of the reservation is not our own earlier try. */
  function isOlder(submitted: Submitted, record: TagRecord): boolean {
    return submitted.held && isBelow(submitted.entry.logIndex, record);
  }

  /** An older claim is somebody's whose record is lost, unless the older binding says that it meant the same. */
  async function isLost(
    reference: TagReference,
    record: TagRecord,
    { claim, binding }: { readonly claim: Submitted; readonly binding: Submitted },
  ): Promise<boolean> {
    if (!isOlder(claim, record)) return false;
    if (!isOlder(binding, record)) return true;
    await history.ready(lifetime);
    const next = naming.claim(reference, record.privacy, record.generation + 1);
    return (await history.earliest(next, lifetime)) !== undefined;
  }

  async function lose({ record, version }: VersionedRecord, claim: Submitted): Promise<never> {
    await store.update({ ...record, phase: 'Lost' }, version, lifetime);
    throw new AppError({
      code: 'RECORD_LOST',
      message:
        `${record.reference} was recorded before: ${UNBOUND} (log index ${claim.entry.logIndex}); ` +
        lostAdvice({ canonical: record.reference }),
    });
  }

  function forked({ reference, reservedAt }: TagRecord, index: number): AppError {
    return new AppError({
      code: 'LOG_FORKED',
      message:
        `cannot publish ${reference}: the log ${identity.origin} puts a new entry at index ${index}, and had shown ` +
        `${reservedAt.treeSize} entries before; find out why before you go on`,
    });
  }

  return { lifetime, publish, publishOlder, unfinished: () => [...unfinished.values()] };
}

/** Their entries may come to light yet: the newest of them, so that a record stays small. */
function outdatedOf(
  record: TagRecord,
  renewed: readonly SignedStatement[],
): Required<Pick<TagRecord, 'outdated'>>['outdated'] {
  const kept = new Set(renewed.map(({ signature }) => signature));
  const before = [...(record.outdated ?? []), record.claim.signature, record.binding.signature];
  return before.filter((each) => !kept.has(each)).slice(-MAX_OUTDATED);
}

function missing(reference: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `the reservation of ${reference.canonical} is gone from the store; try again`,
  });
}

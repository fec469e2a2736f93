import type { VerifiedRecord } from '../check/ports.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { LoggedStatement, SignedStatement } from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';
import type { TagReference } from '../reference/reference.ts';
import { findStored } from './find-stored.ts';
import { loadRecord } from './load-record.ts';
import { loggedRecord, verifyStatement, type VerifiedStatement } from './logged-record.ts';
import { remember, type RecordMemory } from './memory.ts';
import type { Naming } from './naming.ts';
import type { EvidenceVerifier, LogWriter, RecordStore, StoredRecord } from './ports.ts';
import type { StepHook } from './steps.ts';

export interface PublisherParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
  readonly writer: LogWriter;
  readonly memory: RecordMemory;
  readonly at: StepHook;
  /** Publishing outlives the asker; it ends with the program. */
  readonly lifetime: AbortSignal;
}

export interface Publisher {
  readonly lifetime: AbortSignal;
  /** Brings a reserved record into the log, from whatever point an earlier try had reached. Safe to repeat. */
  publish(reference: TagReference): Promise<VerifiedRecord>;
  /** Tags whose publication the log's outage has cut short: try them again. */
  unfinished(): readonly TagReference[];
}

interface Submitted extends VerifiedStatement {
  /** The log held it already. */
  readonly held: boolean;
}

const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LOG_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
]);
/** Others are found again by the sweep over the store. */
const MAX_UNFINISHED = 10_000;

/** Steps 4 to 6 of the ledger protocol: submit the very bytes of the reservation, verify the answer, save the bundles. */
export function makePublisher(parts: PublisherParts): Publisher {
  const { store, naming, verifier, writer, memory, at, lifetime } = parts;

  const unfinished = new Map<string, TagReference>();

  async function publish(reference: TagReference): Promise<VerifiedRecord> {
    try {
      const found = await carryOn(reference);
      unfinished.delete(reference.canonical);
      return found;
    } catch (error) {
      // what is no outage will not mend by itself
      if (!OUTAGES.has(toAppError(error).code)) unfinished.delete(reference.canonical);
      else if (unfinished.size < MAX_UNFINISHED) unfinished.set(reference.canonical, reference);
      throw error;
    }
  }

  async function carryOn(reference: TagReference): Promise<VerifiedRecord> {
    const stored = await findStored(reference, { store, naming }, lifetime);
    if (stored === undefined) throw missing(reference);
    // what is published is what the store holds and what carries our signatures, never what the asker brought
    const found = await loadRecord(stored.record, reference, { naming, verifier });
    if (found.logged) return remember(memory, found);
    const [claim, binding] = await submitBoth(stored.record);
    await at('verified');
    const isLost = isOlder(claim, stored.record) && !(binding && isOlder(binding, stored.record));
    if (binding === undefined || isLost) return lose(stored, claim);
    const record = loggedRecord(stored.record, { claim, binding }, writer.identity);
    const outcome = await store.update(record, stored.version, lifetime);
    // somebody else finished the same reservation: theirs is as good, read it
    if (outcome === 'conflict') return carryOn(reference);
    await at('saved');
    return remember(memory, { record, logged: true });
  }

  /** The binding is undefined where an older claim forbids it: what is not the tag's must never reach the log. */
  async function submitBoth(record: TagRecord): Promise<readonly [Submitted, Submitted | undefined]> {
    if (writer.held === undefined) {
      return Promise.all([
        submit(record.claim, 'claimSubmitted'),
        submit(record.binding, 'bindingSubmitted'),
      ]);
    }
    const claim = await submit(record.claim, 'claimSubmitted');
    if (!isOlder(claim, record)) return [claim, await submit(record.binding, 'bindingSubmitted')];
    const bundle = await writer.held(record.binding, lifetime);
    return [claim, bundle && (await verified({ ...record.binding, bundle }, true))];
  }

  async function submit(
    signed: SignedStatement,
    step: 'claimSubmitted' | 'bindingSubmitted',
  ): Promise<Submitted> {
    const { outcome, bundle } = await writer.submit(signed, lifetime);
    await at(step);
    return verified({ ...signed, bundle }, outcome === 'exists');
  }

  async function verified(logged: LoggedStatement, held: boolean): Promise<Submitted> {
    return { ...(await verifyStatement(verifier, logged)), held };
  }

  /** An entry below the tree size of the reservation is not our own earlier try. */
  function isOlder({ held, entry }: Submitted, record: TagRecord): boolean {
    const { origin, treeSize } = record.reservedAt;
    return held && origin === writer.identity.origin && entry.logIndex < treeSize;
  }

  async function lose(stored: StoredRecord, claim: Submitted): Promise<never> {
    await store.update({ ...stored.record, phase: 'Lost' }, stored.version, lifetime);
    throw new AppError({
      code: 'RECORD_LOST',
      message:
        `${stored.record.reference} was recorded before (claim at log index ${claim.entry.logIndex}) and its record is ` +
        `lost; restore the records from a backup`,
    });
  }

  return { lifetime, publish, unfinished: () => [...unfinished.values()] };
}

function missing(reference: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `the reservation of ${reference.canonical} is gone from the store; try again`,
  });
}

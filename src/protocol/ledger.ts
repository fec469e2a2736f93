import type { Ledger, RecordOutcome, RecordRequest, VerifiedRecord } from '../check/ports.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { TagReference } from '../reference/reference.ts';
import { findStored } from './find-stored.ts';
import { loadRecord } from './load-record.ts';
import { orAborted } from './or-aborted.ts';
import { remember, type RecordMemory } from './memory.ts';
import type { Naming } from './naming.ts';
import type { EvidenceVerifier, RecordStore } from './ports.ts';
import type { Publisher } from './publish.ts';
import type { Reserver } from './reserve.ts';

export interface LedgerParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
  readonly memory: RecordMemory;
  readonly reserver: Reserver;
  readonly publisher: Publisher;
}

/** What one try, shared by all askers of a tag in this process, came to. */
interface Attempt {
  readonly created: boolean;
  readonly reserved: VerifiedRecord;
  /** Settles when the log holds both statements and the bundles are saved. */
  readonly published: Promise<VerifiedRecord>;
}

const RETRY_AFTER_SECONDS = 1;

/** The ledger protocol of DESIGN section 4: the store decides, the log proves, the tail audits. */
export function makeLedger({ store, naming, verifier, memory, reserver, publisher }: LedgerParts): Ledger {
  const attempts = new Map<string, Promise<Attempt>>();

  async function find(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined> {
    const remembered = memory.get(reference.canonical);
    if (remembered !== undefined) return remembered;
    const stored = await findStored(reference, { store, naming }, signal);
    if (stored === undefined) return undefined;
    const found = await loadRecord(stored.record, reference, { naming, verifier });
    return found.logged ? remember(memory, found) : found;
  }

  /** Reserves (or finds) the record and starts publishing it. Not bound to one asker: others may be waiting. */
  async function attempt(request: RecordRequest): Promise<Attempt> {
    const { reference } = request;
    const lifetime = publisher.lifetime;
    const known = await find(reference, lifetime);
    if (known?.logged) return { created: false, reserved: known, published: Promise.resolve(known) };
    const reservation =
      known === undefined ? await reserver.reserve(request, lifetime) : ({ kind: 'exists' } as const);
    if (reservation.kind === 'restored') return settled(remember(memory, reservation.found));
    const reserved = reservation.kind === 'created' ? reservation.found : await find(reference, lifetime);
    if (reserved === undefined) throw vanished(reference);
    if (reserved.logged) return settled(reserved);
    return { created: reservation.kind === 'created', reserved, published: publisher.publish(reference) };
  }

  function settled(found: VerifiedRecord): Attempt {
    return { created: false, reserved: found, published: Promise.resolve(found) };
  }

  /** One attempt a tag at a time; it stays until it is published, so that late askers join it. */
  function sharedAttempt(request: RecordRequest): {
    readonly joined: boolean;
    readonly work: Promise<Attempt>;
  } {
    const key = request.reference.canonical;
    const running = attempts.get(key);
    if (running !== undefined) return { joined: true, work: running };
    const work = attempt(request);
    attempts.set(key, work);
    const forget = () => attempts.delete(key);
    void work.then(({ published }) => published.then(forget, forget), forget);
    return { joined: false, work };
  }

  async function record(request: RecordRequest, signal: AbortSignal): Promise<RecordOutcome> {
    const { joined, work } = sharedAttempt(request);
    const { created, reserved, published } = await orAborted(
      work,
      signal,
      `recording ${request.reference.canonical}`,
    );
    const kind = created && !joined ? 'recorded' : 'existing';
    if (request.waitFor === 'reserved') return { kind, found: reserved };
    try {
      const found = await orAborted(published, signal, `publishing ${request.reference.canonical}`);
      return { kind, found };
    } catch (error) {
      return notPublished(reserved, toAppError(error));
    }
  }

  return { find, record };
}

/** The reservation stands, so an outage of the log or of time is "later"; anything else is bad evidence. */
function notPublished(found: VerifiedRecord, error: AppError): RecordOutcome {
  const later = { kind: 'pending', found, retryAfterSeconds: RETRY_AFTER_SECONDS } as const;
  if (error.code === 'DEADLINE_EXCEEDED') return later;
  if (error.code === 'LOG_UNAVAILABLE') return { ...later, outage: error };
  throw error;
}

function vanished(reference: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `the store said that ${reference.canonical} is reserved and then did not find it; try again`,
  });
}

import type { AdvanceRequest, Ledger, RecordOutcome, RecordRequest, VerifiedRecord } from '../check/ports.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import type { TagReference } from '../reference/reference.ts';
import { makeAttempts, type Attempt } from './attempts.ts';
import type { KnownRecords } from './known-records.ts';
import { withoutEvidence } from './memory.ts';
import { orAborted } from './or-aborted.ts';
import type { Publisher } from './publish.ts';
import type { Reservation, Reserver } from './reserve.ts';
import type { Winner } from './winner.ts';

export interface LedgerParts {
  readonly records: KnownRecords;
  readonly reserver: Reserver;
  readonly publisher: Publisher;
  readonly winner: Winner;
  readonly foresee: Ledger['foresee'];
}

const RETRY_AFTER_SECONDS = 1;

/** The ledger protocol of DESIGN section 4: the store decides, the log proves, the tail audits. */
export function makeLedger({ records, reserver, publisher, winner, foresee }: LedgerParts): Ledger {
  const attempts = makeAttempts();
  // one look-up of a tag verifies for all who ask meanwhile: hundreds of Pods start at once
  const finding = new Map<string, Promise<VerifiedRecord | undefined>>();
  const { lifetime } = publisher;

  async function find(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined> {
    const remembered = records.remembered(reference);
    if (remembered !== undefined) return remembered;
    const { canonical } = reference;
    const work = finding.get(canonical) ?? loaded(reference, lifetime);
    if (!finding.has(canonical)) {
      finding.set(canonical, work);
      const forget = () => finding.delete(canonical);
      work.then(forget, forget);
    }
    return orAborted(work, signal, `looking ${canonical} up`);
  }

  async function loaded(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined> {
    const found = await records.load(reference, signal);
    return found && records.keep(found);
  }

  async function latest(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined> {
    const remembered = records.remembered(reference);
    if (remembered === undefined) return loaded(reference, signal);
    const stored = await records.stored(reference, signal);
    // a verified generation never changes, and a store that forgets takes nobody back
    const isNewer = stored !== undefined && stored.record.generation > remembered.record.generation;
    return isNewer ? loaded(reference, signal) : remembered;
  }

  /** Reserves (or finds) the record and starts publishing it. Not bound to one asker: others may be waiting. */
  async function first(request: RecordRequest): Promise<Attempt> {
    const { reference } = request;
    const known = records.remembered(reference) ?? (await loaded(reference, lifetime));
    return known === undefined ? reserve(request) : begun(reference, known);
  }

  /** The same for the next generation, from what the store says and not memory. */
  async function next(request: AdvanceRequest): Promise<Attempt> {
    const { reference, lost } = request;
    // the create-only write decides here, too: a winner is read, whoever it is
    if (lost !== undefined)
      return reserve({ ...request, previous: { privacy: lost, generation: request.from } });
    const known = await records.load(reference, lifetime);
    if (known === undefined) throw gone(reference);
    if (isAnswer(known, request)) return begun(reference, records.keep(known));
    if (known.logged) return reserve({ ...request, previous: withoutEvidence(known).record });
    // a generation follows on one that is in the log, or the log could not tell that it is the next
    const published = winner.published(reference);
    const previous = await published.catch(() => undefined);
    if (previous === undefined) return { created: false, reserved: withoutEvidence(known), published };
    if (isAnswer(previous, request)) return begun(reference, previous);
    return reserve({ ...request, previous: previous.record });
  }

  async function reserve(wish: Parameters<Reserver['reserve']>[0]): Promise<Attempt> {
    const { reference } = wish;
    const reservation = await reserver.reserve(wish, lifetime);
    if (reservation.kind !== 'exists') {
      return begun(reference, records.keep(reservation.found), reservation.kind);
    }
    const found = await loaded(reference, lifetime);
    if (found === undefined) throw vanished(reference);
    return begun(reference, found);
  }

  function begun(
    reference: TagReference,
    reserved: VerifiedRecord,
    kind: Reservation['kind'] = 'exists',
  ): Attempt {
    const created = kind === 'created';
    if (reserved.logged) return { created, reserved, published: Promise.resolve(reserved) };
    // who has made the reservation publishes it at once, and everybody else leaves that to it for a while
    const published = kind === 'exists' ? winner.published(reference) : publisher.publish(reference);
    return { created, reserved, published };
  }

  async function outcomeOf(
    { joined, work }: ReturnType<typeof attempts.join>,
    { reference, digest, waitFor, refusesOther }: RecordRequest,
    signal: AbortSignal,
  ): Promise<RecordOutcome> {
    const { created, reserved, published } = await orAborted(
      work,
      signal,
      `recording ${reference.canonical}`,
    );
    const kind = created && !joined ? 'recorded' : 'existing';
    const isRefused = refusesOther === true && reserved.record.digest !== digest;
    if (waitFor === 'reserved' || isRefused) return { kind, found: reserved };
    try {
      return { kind, found: await orAborted(published, signal, `publishing ${reference.canonical}`) };
    } catch (error) {
      return notPublished(reserved, toAppError(error));
    }
  }

  async function record(request: RecordRequest, signal: AbortSignal): Promise<RecordOutcome> {
    const attempt = attempts.join(request.reference.canonical, () => first(request));
    return outcomeOf(attempt, request, signal);
  }

  async function advance(request: AdvanceRequest, signal: AbortSignal): Promise<RecordOutcome> {
    const { reference } = request;
    const kind = request.lost === undefined ? 'next' : 'after a lost one';
    const attempt = attempts.join(`${kind} ${reference.canonical}`, () => next(request));
    const outcome = await outcomeOf(attempt, request, signal);
    if (outcome.kind === 'pending' || isAnswer(outcome.found, request)) return outcome;
    if (!attempt.joined) throw vanished(reference);
    // it joined a move that had begun before the one that this asker knows of
    const { reserved, published } = await attempt.work;
    try {
      await orAborted(published, signal, `publishing ${reference.canonical}`);
    } catch (error) {
      return notPublished(reserved, toAppError(error));
    }
    return advance(request, signal);
  }

  return { find, latest, foresee, record, advance };
}

/** The tag means the wanted digest, or somebody has moved it on from what the asker knew. */
function isAnswer({ record }: VerifiedRecord, { digest, from }: AdvanceRequest): boolean {
  return record.digest === digest || record.generation > from;
}

/** The reservation stands, so an outage of the log, the signer or of time is "later"; anything else is bad evidence. */
function notPublished(found: VerifiedRecord, error: AppError): RecordOutcome {
  const later = { kind: 'pending', found, retryAfterSeconds: RETRY_AFTER_SECONDS } as const;
  if (error.code === 'DEADLINE_EXCEEDED') return later;
  if (error.code === 'LOG_UNAVAILABLE' || error.code === 'SIGNER_UNAVAILABLE')
    return { ...later, outage: error };
  throw error;
}

function vanished(reference: TagReference): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `the store said that ${reference.canonical} is reserved and then did not find it; try again`,
  });
}

function gone({ canonical }: TagReference): AppError {
  return new AppError({
    code: 'RECORD_LOST',
    message: `cannot record a move of ${canonical}: its record is not in the store; restore it: tagseal restore ${canonical}`,
  });
}

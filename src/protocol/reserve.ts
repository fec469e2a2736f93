import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { SignedStatement } from '../ledger/evidence.ts';
import type { Approval, KnownRecord, RecordOrigin, TagRecord } from '../ledger/record.ts';
import { approvalStatement, isApprovalText } from '../ledger/statement.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { LoadedRecord } from './load-record.ts';
import { lost } from './lost-claim.ts';
import type { Naming } from './naming.ts';
import type { Clock, LogHistory, RecordStore, StatementSigner } from './ports.ts';
import type { Rebuilder } from './rebuild.ts';
import type { StepHook } from './steps.ts';
import { findInLog, type TagInLog } from './tag-in-log.ts';

export interface ReserverParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly history: LogHistory;
  readonly rebuilder: Rebuilder;
  readonly clock: Clock;
  readonly at: StepHook;
}

/** What shall be reserved: a first sight, or the generation after `previous`. */
export interface Wish {
  readonly reference: TagReference;
  readonly digest: Digest;
  readonly origin: RecordOrigin;
  readonly previous?: Previous;
  readonly approval?: Approval;
}

/** The digest is absent where the record of that generation is lost. */
export type Previous = Pick<KnownRecord, 'privacy' | 'generation'> & Partial<Pick<KnownRecord, 'digest'>>;

export type Reservation =
  | { readonly kind: 'created'; readonly found: LoadedRecord }
  | { readonly kind: 'exists' }
  /** The log knew the tag with this very digest: the record was rebuilt from it, logged, or reserved to be logged anew. */
  | { readonly kind: 'restored'; readonly found: LoadedRecord };

export interface Reserver {
  /**
   * Throws RECORD_LOST where the log has an older claim on this generation, and binds the newest one to another digest;
   * RECORD_INVALID for an approval that is not two lines of text; KEY_INVALID, SIGNER_UNAVAILABLE, LOG_*, STORE_UNAVAILABLE.
   */
  reserve(wish: Wish, signal: AbortSignal): Promise<Reservation>;
}

/** Steps 2 and 3 of the ledger protocol: sign, has the log ever seen the claim, then one create-only write. */
export function makeReserver(parts: ReserverParts): Reserver {
  const { store, naming, signer, history, rebuilder, clock, at } = parts;

  return {
    async reserve(wish, signal) {
      await at('resolved');
      const record = await draft(wish, signal);
      await at('signed');
      // signed before the log is asked, so that as little time as can be lies between its answer and the reservation
      await history.ready(signal);
      const { reference, previous } = wish;
      const privacies = previous ? [previous.privacy] : naming.privacies(reference);
      const asked = { privacies, from: record.generation };
      const known = await findInLog(reference, asked, { naming, history }, signal);
      if (known !== undefined) return restore(known, wish, signal);
      // read after the answer: whatever claim is below it and was not found is older than this reservation
      const reserved = { ...record, reservedAt: history.position() };
      const outcome = await store.reserve(reserved, signal);
      if (outcome === 'exists') return { kind: 'exists' };
      await at('reserved');
      return { kind: 'created', found: { record: reserved, logged: false } };
    },
  };

  /** The record as it would be reserved, signed. */
  async function draft(wish: Wish, signal: AbortSignal): Promise<TagRecord> {
    const { reference, digest, origin, previous } = wish;
    const privacy = previous?.privacy ?? naming.privacyOf(reference);
    const generation = previous === undefined ? 0 : previous.generation + 1;
    const texts = naming.statements(reference, digest, privacy, generation);
    const said = {
      reference: reference.canonical,
      digest,
      scope: naming.scope,
      claimId: naming.claimId(reference, privacy),
      generation,
    };
    const [claim, binding, approval] = await Promise.all([
      signer.sign(texts.claim, signal),
      signer.sign(texts.binding, signal),
      approve(wish, said, signal),
    ]);
    return {
      ...said,
      privacy,
      firstSeen: new Date(clock.now()).toISOString(),
      origin,
      phase: 'Reserved',
      reservedAt: history.position(),
      claim,
      binding,
      ...(approval && { approval }),
    };
  }

  async function approve(
    { approval, previous }: Wish,
    said: Pick<TagRecord, 'reference' | 'digest' | 'scope' | 'claimId' | 'generation'>,
    signal: AbortSignal,
  ): Promise<SignedStatement | undefined> {
    if (approval === undefined || previous === undefined) return undefined;
    const { by, reason } = approval;
    for (const text of [by, reason]) if (!isApprovalText(text)) throw unreadable(said.reference, text);
    const from = previous.digest === undefined ? {} : { from: previous.digest };
    return signer.sign(approvalStatement({ ...said, ...from, by, reason }), signal);
  }

  async function restore(known: TagInLog, wish: Wish, signal: AbortSignal): Promise<Reservation> {
    const record = await rebuilder.rebuild(known, wish, signal);
    if (record === undefined) {
      // another process may have recorded the tag, with another digest, since this one looked
      const stored = await store.find(naming.claimId(wish.reference, known.privacy), signal);
      if (stored !== undefined && stored.record.generation >= known.generation) return { kind: 'exists' };
      throw lost(wish, known);
    }
    const outcome = await store.reserve(record, signal);
    if (outcome === 'exists') return { kind: 'exists' };
    return { kind: 'restored', found: { record, logged: record.phase === 'Logged' } };
  }
}

function unreadable(reference: string, text: string): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot accept the move of ${reference}: ${quote(text)} is not one line of 1 to 256 printable characters; write one`,
  });
}

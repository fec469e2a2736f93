import type { RecordRequest } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { SignedStatement } from '../ledger/evidence.ts';
import type { Privacy, TagRecord } from '../ledger/record.ts';
import type { Naming } from './naming.ts';
import type { Clock, EvidenceVerifier, LogReader, LogWriter, RecordStore, StatementSigner } from './ports.ts';
import type { LoadedRecord } from './load-record.ts';
import { loggedRecord, verifyStatement } from './logged-record.ts';
import type { StepHook } from './steps.ts';
import type { Tail } from './tail.ts';

export interface ReserverParts {
  readonly store: RecordStore;
  readonly naming: Naming;
  readonly signer: StatementSigner;
  readonly verifier: EvidenceVerifier;
  readonly writer: LogWriter;
  /** Needed only where the tail can find a claim. */
  readonly reader: Pick<LogReader, 'bundleAt'>;
  readonly tail: Tail;
  readonly clock: Clock;
  readonly at: StepHook;
}

export type Reservation =
  | { readonly kind: 'created'; readonly found: LoadedRecord }
  | { readonly kind: 'exists' }
  /** The log knew the tag with this very digest: the record was rebuilt from it. */
  | { readonly kind: 'restored'; readonly found: LoadedRecord };

export interface Reserver {
  /** Throws RECORD_LOST where the log has an older claim and no binding for this digest; LOG_*, STORE_UNAVAILABLE. */
  reserve(request: RecordRequest, signal: AbortSignal): Promise<Reservation>;
}

/** Steps 2 and 3 of the ledger protocol: has the log ever seen the claim, sign, then one create-only write. */
export function makeReserver(parts: ReserverParts): Reserver {
  const { store, naming, signer, verifier, tail, clock, at } = parts;

  return {
    async reserve(request, signal) {
      await at('resolved');
      await tail.ready(signal);
      const [now, otherwise] = naming.privacies(request.reference);
      const [record, otherRecord] = await Promise.all([
        draft(request, now, signal),
        draft(request, otherwise, signal),
      ]);
      await at('signed');
      // the tail first: a claim of ours below its position is older than this reservation
      const reservedAt = tail.position();
      for (const known of [record, otherRecord]) {
        const olderClaim = tail.indexOf(verifier.leafHash(known.claim));
        if (olderClaim !== undefined) return restore({ ...known, reservedAt }, olderClaim, signal);
      }
      const reserved = { ...record, reservedAt };
      const outcome = await store.reserve(reserved, signal);
      if (outcome === 'exists') return { kind: 'exists' };
      await at('reserved');
      return { kind: 'created', found: { record: reserved, logged: false } };
    },
  };

  /** The record as it would be reserved under a name of this privacy, signed. */
  async function draft(request: RecordRequest, privacy: Privacy, signal: AbortSignal): Promise<TagRecord> {
    const { reference, digest, origin } = request;
    const texts = naming.statements(reference, digest, privacy, 0);
    const [claim, binding] = await Promise.all([
      signer.sign(texts.claim, signal),
      signer.sign(texts.binding, signal),
    ]);
    return {
      reference: reference.canonical,
      digest,
      scope: naming.scope,
      claimId: naming.claimId(reference, privacy),
      generation: 0,
      privacy,
      firstSeen: new Date(clock.now()).toISOString(),
      origin,
      phase: 'Reserved',
      reservedAt: tail.position(),
      claim,
      binding,
    };
  }

  async function restore(record: TagRecord, claimIndex: number, signal: AbortSignal): Promise<Reservation> {
    const bindingIndex = tail.indexOf(verifier.leafHash(record.binding));
    if (bindingIndex === undefined) {
      // another process may have recorded the tag, with another digest, since this one looked
      if ((await store.find(record.claimId, signal)) !== undefined) return { kind: 'exists' };
      throw lost(record, claimIndex);
    }
    const [claim, binding] = await Promise.all([
      verifiedAt(record.claim, claimIndex, signal),
      verifiedAt(record.binding, bindingIndex, signal),
    ]);
    const restored = loggedRecord(
      { ...record, origin: 'restore' },
      { claim, binding },
      parts.writer.identity,
    );
    const outcome = await store.reserve(restored, signal);
    return outcome === 'exists'
      ? { kind: 'exists' }
      : { kind: 'restored', found: { record: restored, logged: true } };
  }

  async function verifiedAt(signed: SignedStatement, index: number, signal: AbortSignal) {
    const bundle = await parts.reader.bundleAt(index, signed, signal);
    return verifyStatement(verifier, { ...signed, bundle });
  }
}

function lost(record: TagRecord, claimIndex: number): AppError {
  return new AppError({
    code: 'RECORD_LOST',
    message:
      `${record.reference} was recorded before (claim at log index ${claimIndex}) with another digest than ` +
      `${record.digest}, and its record is lost; restore the records from a backup`,
  });
}

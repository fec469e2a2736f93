import type { AppError } from '../errors/app-error.ts';
import type { Approval, KnownRecord, Privacy, RecordOrigin } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';

/** What a tag points to now. */
export interface Resolved {
  readonly digest: Digest;
  /** True when the manifest's bytes were fetched and hashed here; false when a registry's header says so. */
  readonly hashed: boolean;
}

/** A Secret that says how to log in. */
export interface PullSecret {
  /** `namespace/name`, for people. */
  readonly name: string;
  /** Of the Secret: `kubernetes.io/dockerconfigjson` or the older `kubernetes.io/dockercfg`. */
  readonly type: 'dockerconfigjson' | 'dockercfg';
  /** JSON that holds passwords: never shown. */
  readonly content: string;
}

export interface PullSecrets {
  /** In the order in which they are tried. */
  readonly secrets: readonly PullSecret[];
  /** What was named and cannot be used; `why` is shown. */
  readonly unreadable: readonly { readonly name: string; readonly why: string }[];
}

/** Whose pull secrets a registry may be shown. */
export interface PullAccess {
  /** What was answered with these secrets is answered again in this scope alone. */
  readonly scope: string;
  /** Set where our own credentials may not be tried after them, nor any when there are none. */
  readonly isOnly?: true;
  /** Read when a registry is really asked, and not before. Throws KUBERNETES_*. */
  secrets(signal: AbortSignal): Promise<PullSecrets>;
}

/** Asks the registry. Throws REGISTRY_*, MANIFEST_UNKNOWN, DIGEST_MISMATCH, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED. */
export interface Resolver {
  /** First sight: one GET by tag, the bytes hashed. */
  fetch(reference: TagReference, signal: AbortSignal, access?: PullAccess): Promise<Resolved>;
  /**
   * Recheck of a known tag: a HEAD, whose header can only cause a denial. An answer not older than `maxAgeMs`
   * (default: the short time for which equal look-ups are shared) may be given again.
   */
  recheck(
    reference: TagReference,
    signal: AbortSignal,
    maxAgeMs?: number,
    access?: PullAccess,
  ): Promise<Resolved>;
}

/** A record whose evidence was verified here. */
export interface VerifiedRecord {
  readonly record: KnownRecord;
  /** False while the record is only reserved: signed by us, not yet provably in the log. */
  readonly logged: boolean;
}

export type RecordOutcome =
  /** This call made the record. */
  | { readonly kind: 'recorded'; readonly found: VerifiedRecord }
  /** Somebody else was first: judge by theirs. */
  | { readonly kind: 'existing'; readonly found: VerifiedRecord }
  /** Reserved, and being published in the background; `outage` when the log could not be reached. */
  | {
      readonly kind: 'pending';
      readonly found: VerifiedRecord;
      readonly retryAfterSeconds: number;
      readonly outage?: AppError;
    };

export interface RecordRequest {
  readonly reference: TagReference;
  /** A digest that we hashed ourselves. */
  readonly digest: Digest;
  readonly origin: RecordOrigin;
  /** `logged`: resolve when the log holds it, or `pending` at the deadline; `reserved`: resolve on the reservation. */
  readonly waitFor: 'logged' | 'reserved';
  /** Set where a record of another digest is refused in any case: then nobody waits for its publication. */
  readonly refusesOther?: boolean;
}

/** A move of a known tag that becomes its next generation. */
export interface AdvanceRequest extends RecordRequest {
  /** The generation that the asker knows; where a newer one exists by now, that one is the answer. */
  readonly from: number;
  /** Absent for a tag that the policy tracks. */
  readonly approval?: Approval;
  /** Set where generation `from` is lost for good, its claim in the log and no binding known: how the log names its tag. */
  readonly lost?: Privacy;
}

/** What recording a tag would come to that the store has no record of. `restorable`: the log binds it to this digest. */
export type Foreseen = 'new' | 'restorable';

/** Through it history is read and extended. Throws LOG_*, RECORD_*, STORE_UNAVAILABLE, DEADLINE_EXCEEDED. */
export interface Ledger {
  /** The verified record, or nothing. A record that does not verify throws; a failed look-up throws. */
  find(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined>;
  /** Records the pair unless the tag has a record already. Safe to repeat; one winner among all askers. */
  record(request: RecordRequest, signal: AbortSignal): Promise<RecordOutcome>;
  /** Asks the log before a tag is called new; records nothing. Throws RECORD_LOST where recording it would be refused. */
  foresee(reference: TagReference, digest: Digest, signal: AbortSignal): Promise<Foreseen>;
  /** As `find`, but from the store although memory has an answer: somebody may have accepted a move meanwhile. */
  latest(reference: TagReference, signal: AbortSignal): Promise<VerifiedRecord | undefined>;
  /** Records the next generation of a known tag. Safe to repeat; one winner among all askers. */
  advance(request: AdvanceRequest, signal: AbortSignal): Promise<RecordOutcome>;
}

import type { ErrorCode } from '../errors/code.ts';
import type { Rule } from '../policy/policy.ts';
import type { Namespace } from '../policy/rule-for.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { Reference } from '../reference/reference.ts';
import type { PullAccess } from './ports.ts';

/** Why a verdict is not a plain yes; doors print `message`, and count `reason`. */
export interface Denial {
  readonly reason: DenialReason;
  /** One or more lines for people, stable: no counters, no clocks. At most 1 kB. */
  readonly message: string;
  readonly expected?: Digest;
  readonly actual?: Digest;
  /** Seconds after which a new try can help; absent where a retry is pointless, or nobody knows. */
  readonly retryAfterSeconds?: number;
}

export type DenialReason =
  /** The tag points to another digest than the recorded one. */
  | 'TAG_MOVED'
  /** `name:tag@digest` names a digest that the tag does not mean. */
  | 'DIGEST_NOT_RECORDED'
  /** Nothing is recorded, and this door may not record. */
  | 'NOT_RECORDED'
  /** No verdict could be reached, and the rule does not forgive that. */
  | ErrorCode;

/** What a door may tell besides the verdict. */
export type Note =
  | { readonly kind: 'notRechecked'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'wouldRecord' }
  /** The log knows the tag with this digest, and its record is missing. */
  | { readonly kind: 'wouldRestore' }
  | { readonly kind: 'notLoggedYet' }
  | { readonly kind: 'runsRecorded'; readonly denial: Denial };

/** The answer for one image. A denial is a value; exceptions never leave check/. */
export type Verdict = Ruling & {
  /** Name of the rule that decided; absent where none was needed, or none could be found. */
  readonly rule?: string;
};

type Ruling =
  | {
      readonly kind: 'admit';
      readonly reference: Reference;
      /** What must run. */
      readonly pin: Digest;
      /** True for the call that recorded the tag. */
      readonly first: boolean;
      /** Absent for a digest-only reference, and in a dry run of a new tag. */
      readonly record?: KnownRecord;
      readonly rewrite: Rule['rewrite'];
      /** `enforce` where no rule was needed. */
      readonly mode: Rule['mode'];
      readonly notes: readonly Note[];
    }
  | {
      readonly kind: 'deny';
      /** Absent when the image text itself is not a reference. */
      readonly reference?: Reference;
      readonly record?: KnownRecord;
      readonly denial: Denial;
      /** The tag is made to move: who asks the registry may find that the digest is right. */
      readonly tracked?: true;
    }
  /** The rule is `warn` or `audit`: let it pass unpinned, and say (`warn`) or only log (`audit`) the denial. */
  | {
      readonly kind: 'report';
      readonly mode: 'warn' | 'audit';
      readonly reference?: Reference;
      readonly record?: KnownRecord;
      readonly denial: Denial;
    }
  | { readonly kind: 'exempt'; readonly reference: Reference; readonly why: string }
  /** The tag is being recorded: ask again. */
  | {
      readonly kind: 'pending';
      readonly reference: Reference;
      /** Absent while not even the reservation has been made. */
      readonly record?: KnownRecord;
      readonly retryAfterSeconds: number;
    };

/** Everything about the asker that the answer may depend on. */
export interface CheckContext {
  readonly origin: 'admission' | 'proxy' | 'cli';
  /** False in a dry run, and for `check` and `/validate`: then nothing is written anywhere. */
  readonly mayRecord: boolean;
  /** False for `/validate`: the records alone decide, no registry is asked. */
  readonly mayResolve: boolean;
  /** Where the image is to run; absent for the proxy and the command line. */
  readonly namespace?: Namespace;
  /** The strictest mode that counts, for example by a namespace label: the rule's own may be weaker. Only if set. */
  readonly mode?: Rule['mode'];
  /** Pull secrets with which the registry may be asked; only if there are any. */
  readonly access?: PullAccess;
  /** Set where a first sight need only be reserved, whatever the rule says; the log follows in the background. */
  readonly waitFor?: 'reserved';
  /** Aborts at the asker's deadline. */
  readonly signal: AbortSignal;
}

/** The one use case. Never throws. */
export type CheckImage = (text: string, context: CheckContext) => Promise<Verdict>;

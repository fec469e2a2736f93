import type { Digest } from '../reference/digest.ts';
import type { LoggedStatement, SignedStatement } from './evidence.ts';

/** `Reserved -> Logged -> Confirmed`; the others deny, each with its own code. */
export type RecordPhase = 'Reserved' | 'Logged' | 'Confirmed' | 'Conflicted' | 'Lost' | 'Unlogged';

export type RecordOrigin = 'admission' | 'proxy' | 'cli' | 'restore' | 'import';

/** Whether names reach the log only as a keyed hash. */
export type Privacy = 'plain' | 'blinded';

/** Where the log stood when the tag was reserved: entries below `treeSize` are older than the reservation. */
export interface LogPosition {
  readonly origin: string;
  readonly treeSize: number;
}

/** The log entry of the binding, for people; the bundles are the proof. */
export interface RecordedEntry {
  readonly kind: string;
  readonly url: string;
  readonly origin: string;
  readonly index: number;
  readonly uuid: string;
  /** RFC 3339, from the log or a timestamp authority; absent where neither gives one. */
  readonly time?: string;
}

/** One tag's record as a store keeps it. Its content counts only after its evidence has been verified. */
export interface TagRecord {
  readonly reference: string;
  readonly digest: Digest;
  readonly scope: string;
  readonly claimId: string;
  /** 0 is the first sight; an accepted or tracked move is one more than the record before it. */
  readonly generation: number;
  readonly privacy: Privacy;
  /** RFC 3339, local clock of the process that reserved: for people, never for a decision. */
  readonly firstSeen: string;
  readonly origin: RecordOrigin;
  readonly phase: RecordPhase;
  readonly reservedAt: LogPosition;
  readonly claim: SignedStatement | LoggedStatement;
  readonly binding: SignedStatement | LoggedStatement;
  /** Who accepted the move and why, signed by us and not logged; absent for a first sight and for a tracked move. */
  readonly approval?: SignedStatement;
  /**
   * Signatures, in base64, that were replaced since their certificate ran out before they were known to be in the log: entries
   * with them are this reservation's. A hint of the store's, which can only make an entry of ours pass for this record's.
   */
  readonly outdated?: readonly string[];
  readonly log?: RecordedEntry;
}

/** What a person says who accepts a move. */
export interface Approval {
  /** For people: a user, a pipeline, an object's name. One line. */
  readonly by: string;
  /** One line. */
  readonly reason: string;
}

/** What doors and judgement need of a record; its evidence has been verified and put away. */
export type KnownRecord = Omit<TagRecord, 'claim' | 'binding' | 'approval'>;

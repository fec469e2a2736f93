import type { Checkpoint } from '../ledger/checkpoint.ts';
import type {
  LoggedStatement,
  SerializedBundle,
  SignatureVerifier,
  SignedStatement,
  VerifiedEntry,
} from '../ledger/evidence.ts';
import type { LogPosition, TagRecord } from '../ledger/record.ts';

/** A record with the version that a compare-and-swap needs. */
export interface StoredRecord {
  readonly record: TagRecord;
  /** Opaque; changes with each write. */
  readonly version: string;
}

/** Keeps records; not trusted: whoever can write to it can delete records or make them invalid, never forge one. */
export interface RecordStore {
  /** The highest generation of a claim, or undefined. Throws STORE_UNAVAILABLE, RECORD_INVALID. */
  find(claimId: string, signal: AbortSignal): Promise<StoredRecord | undefined>;
  /** Every generation of a claim, the first one first. Throws as `find`. */
  generations(claimId: string, signal: AbortSignal): Promise<readonly StoredRecord[]>;
  /** Create-only write, durable when it resolves: the one linearization point of the ledger protocol. */
  reserve(record: TagRecord, signal: AbortSignal): Promise<'created' | 'exists'>;
  /** Compare-and-swap on `version`; durable when it resolves. */
  update(record: TagRecord, version: string, signal: AbortSignal): Promise<'updated' | 'conflict'>;
  /** Every record, each once, in no particular order; one that cannot be read is yielded as its error. */
  list(signal: AbortSignal): AsyncIterable<StoredRecord | { readonly name: string; readonly error: unknown }>;
}

/** Called at least once for each record with a generation above 0, in no particular order. */
export type OnGeneration = (claimId: string, generation: number) => void;

export interface GenerationFollower {
  /** Tells all newer generations that there are, and then each new one, until `signal`; an outage is waited for. */
  follow(onChange: OnGeneration, signal: AbortSignal): Promise<void>;
}

/** A small text that the processes of one ledger share: how far the log was read, who reads it, which key blinds. */
export interface StateDocument {
  readonly text: string;
  /** Opaque; changes with each write. */
  readonly version: string;
}

/** Beside the records, and as little trusted: what it says is checked or only a hint. Throws STORE_UNAVAILABLE. */
export interface StateStore {
  /** `name`: 1 to 63 lower-case letters, digits, dots and dashes. */
  read(name: string, signal: AbortSignal): Promise<StateDocument | undefined>;
  /** Compare-and-swap on `version`, undefined for a first write; at most 256 KiB of text; durable when it resolves. */
  write(
    name: string,
    document: { readonly text: string; readonly version: string | undefined },
    signal: AbortSignal,
  ): Promise<'written' | 'conflict'>;
}

export interface LogIdentity {
  /** `embedded`, `rekor-v1` or `rekor-v2`. */
  readonly kind: string;
  readonly url: string;
  /** Origin line of the log's checkpoints. */
  readonly origin: string;
}

/** `exists`: the log held the very same entry already (409), and `bundle` is that entry's. */
export interface Submitted {
  readonly outcome: 'created' | 'exists';
  readonly bundle: SerializedBundle;
}

/** Writes to a transparency log. Throws LOG_UNAVAILABLE, LOG_ENTRY_INVALID, DEADLINE_EXCEEDED. */
export interface LogWriter {
  readonly identity: LogIdentity;
  /** Submits the statement's digest and signature as a hashedrekord; the bundle is not verified yet. */
  submit(signed: SignedStatement, signal: AbortSignal): Promise<Submitted>;
}

/** Leaves of a log in order. `entries[i]` is the canonicalized body at index `start + i`. */
export interface LeafBatch {
  readonly start: number;
  readonly entries: readonly Uint8Array[];
}

/** Reads a tile log. Throws LOG_UNAVAILABLE, LOG_PROOF_INVALID, LOG_ENTRY_INVALID. */
export interface LogReader {
  /** The newest checkpoint, its origin and signature verified. */
  checkpoint(signal: AbortSignal): Promise<Checkpoint>;
  /** The leaves [from, to), of a tree whose size is at least `to`. Not verified: push them through a compact range. */
  leaves(from: number, to: number, signal: AbortSignal): AsyncIterable<LeafBatch>;
  /** Audit path of the last leaf of the tree of this size, from the leaf up; not verified. */
  lastPath?(treeSize: number, signal: AbortSignal): Promise<readonly Uint8Array[]>;
  /** A bundle for a statement of ours that stands at `index`, with a proof to the newest checkpoint. */
  bundleAt(index: number, signed: SignedStatement, signal: AbortSignal): Promise<SerializedBundle>;
}

/** An entry over a statement of ours, signed by us: looked up in the log, its signature and signer verified, its proof not. */
export interface OwnEntry {
  readonly index: number;
  /** Statement, signature and signer as they stand in the log; there is no timestamp in a log. */
  readonly signed: SignedStatement;
  /** Origin of the log that holds it: one of several shards. */
  readonly origin?: string;
}

/** An entry that may be one of ours: index and canonicalized body as the log tells them. */
export interface Candidate {
  readonly index: number;
  readonly body: Uint8Array;
}

/** Asks a log that cannot be followed leaf by leaf (v1). Throws LOG_UNAVAILABLE, LOG_ENTRY_INVALID. */
export interface LogSearch {
  /**
   * Entries over this statement digest (hex SHA-256), wherever the log's index has them, some at a time: a hint, which may
   * miss some and name wrong ones. Anybody can add to them. Throws LOG_CROWDED, too, for more than can be looked through.
   */
  candidates(statementDigest: string, signal: AbortSignal): AsyncIterable<readonly Candidate[]>;
  /** The bundle of this very entry if the log holds it: exact, in the log's active shard. */
  held(signed: SignedStatement, signal: AbortSignal): Promise<SerializedBundle | undefined>;
}

/** What the log has seen of ours before: tiles by the tail, v1 by its index and by leaf hash. Throws LOG_*, DEADLINE_EXCEEDED. */
export interface LogHistory {
  /** Resolves when everything below `position()`, which covers the log's end as it was at this call, is known. */
  ready(signal: AbortSignal): Promise<void>;
  position(): LogPosition;
  /**
   * Our earliest entry over this very statement (of a v1: the earliest of those that its index names first, which says the
   * same); undefined only when the log surely has none below `position()`. `secretly`:
   * the statement can be guessed and must not be, so nothing is asked for by its hash; what only an index names is missed.
   */
  earliest(
    statement: string,
    signal: AbortSignal,
    how?: 'openly' | 'secretly',
  ): Promise<OwnEntry | undefined>;
  /**
   * Whether the log may have an entry of ours over the statement of this digest (hex SHA-256) below `position()`: false
   * is sure, true is not verified. Present where the answer costs nothing: where every leaf is read.
   */
  knows?(statementDigest: string): boolean;
  /**
   * Keeps the signed note of a checkpoint that proves a record: the log must go on from it, also when it is read by a later
   * process. Present where every leaf is read. Throws STORE_UNAVAILABLE, LOG_PROOF_INVALID.
   */
  holdTo?(checkpoint: string, signal: AbortSignal): Promise<void>;
  /** Its bundle, with a proof to the newest checkpoint; not verified yet. */
  bundleOf(entry: OwnEntry, signal: AbortSignal): Promise<SerializedBundle>;
}

/** Where the log's end is. Throws LOG_UNAVAILABLE, LOG_PROOF_INVALID, LOG_ENTRY_INVALID. */
export interface LogHead {
  /** Entries in the log, by the index that its entries carry (v1: over all shards); its checkpoint verified. */
  treeSize(signal: AbortSignal): Promise<number>;
}

/**
 * Signs statements. `key`: deterministic, one statement gives one signature for ever. Throws KEY_INVALID;
 * keyless also SIGNER_UNAVAILABLE, IDENTITY_MISMATCH.
 */
export interface StatementSigner {
  readonly deterministic: boolean;
  sign(statement: string, signal: AbortSignal): Promise<SignedStatement>;
  /**
   * Whether an entry made now of what was signed earlier would still verify: always for a key or a timestamped signature,
   * else only within the certificate's lifetime.
   */
  isFresh(signed: SignedStatement): boolean;
}

/** Decides what is ours. Every exception out of a verifier is a failed verification. */
export interface EvidenceVerifier {
  /** The signature is by one of our keys or identities. Throws IDENTITY_MISMATCH, RECORD_INVALID. */
  verifySignature(signed: SignedStatement): Promise<void>;
  /** All of DESIGN section 2: signature, leaf rebuilt, proof, checkpoint. Throws LOG_*, IDENTITY_MISMATCH, RECORD_INVALID. */
  verify(logged: LoggedStatement): Promise<VerifiedEntry>;
  /** RFC 6962 leaf hash (hex) of the entry that `signed` makes in this log: what tailing looks for. */
  leafHash(signed: SignedStatement): string;
  /**
   * The digest (hex SHA-256) of the statement that a canonicalized log body is over, if it carries one of our keys or
   * our identity: cheap, and says nothing of its signature.
   */
  candidate(body: Uint8Array): string | undefined;
  /** Whether a body over this very statement is signed by us; the parts of it. Some milliseconds. */
  own(statement: string, body: Uint8Array): Promise<SignedStatement | undefined>;
}

/** Decides of a log body alone, whose statement nobody here has, whether it is ours. */
export interface LeafVerifier {
  /** What a canonicalized log body is over and who signed it, if that is one of us: the signature is verified. */
  ownLeaf(
    body: Uint8Array,
  ): Promise<{ readonly statementDigest: string; readonly verifier: SignatureVerifier } | undefined>;
}

/** Time for people and for time limits; never for a decision about evidence. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

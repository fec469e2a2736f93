import type { Checkpoint } from '../ledger/checkpoint.ts';
import type {
  LoggedStatement,
  SerializedBundle,
  SignedStatement,
  VerifiedEntry,
} from '../ledger/evidence.ts';
import type { TagRecord } from '../ledger/record.ts';

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
  /** Create-only write, durable when it resolves: the one linearization point of the ledger protocol. */
  reserve(record: TagRecord, signal: AbortSignal): Promise<'created' | 'exists'>;
  /** Compare-and-swap on `version`; durable when it resolves. */
  update(record: TagRecord, version: string, signal: AbortSignal): Promise<'updated' | 'conflict'>;
  /** Every record, each once, in no particular order; one that cannot be read is yielded as its error. */
  list(signal: AbortSignal): AsyncIterable<StoredRecord | { readonly name: string; readonly error: unknown }>;
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
  /**
   * The bundle of the very same entry if the log holds it, found without writing anything. Only a log that cannot be
   * followed needs it; one that can is asked through its tail.
   */
  held?(signed: SignedStatement, signal: AbortSignal): Promise<SerializedBundle | undefined>;
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
  /** A bundle for a statement of ours that stands at `index`, with a proof to the newest checkpoint. */
  bundleAt(index: number, signed: SignedStatement, signal: AbortSignal): Promise<SerializedBundle>;
}

/** Where the log's end is. Throws LOG_UNAVAILABLE, LOG_PROOF_INVALID, LOG_ENTRY_INVALID. */
export interface LogHead {
  /** Entries in the log, by the index that its entries carry (v1: over all shards); its checkpoint verified. */
  treeSize(signal: AbortSignal): Promise<number>;
}

/** Signs statements. `key`: deterministic, one statement gives one signature for ever. Throws KEY_INVALID. */
export interface StatementSigner {
  readonly deterministic: boolean;
  sign(statement: string, signal: AbortSignal): Promise<SignedStatement>;
}

/** Decides what is ours. Every exception out of a verifier is a failed verification. */
export interface EvidenceVerifier {
  /** The signature is by one of our keys or identities. Throws IDENTITY_MISMATCH, RECORD_INVALID. */
  verifySignature(signed: SignedStatement): Promise<void>;
  /** All of DESIGN section 2: signature, leaf rebuilt, proof, checkpoint. Throws LOG_*, IDENTITY_MISMATCH, RECORD_INVALID. */
  verify(logged: LoggedStatement): Promise<VerifiedEntry>;
  /** RFC 6962 leaf hash (hex) of the entry that `signed` makes in this log: what tailing looks for. */
  leafHash(signed: SignedStatement): string;
  /** Whether a canonicalized log body carries one of our keys: cheap, and says nothing of its signature. */
  carriesOurKey(body: Uint8Array): boolean;
  /** Whether a canonicalized log body is signed by us, and over which digest (hex SHA-256). Some milliseconds. */
  own(body: Uint8Array): { readonly statementDigest: string } | undefined;
}

/** Time for people and for time limits; never for a decision about evidence. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

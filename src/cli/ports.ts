import type { CheckWorkload } from '../check/check-workload.ts';
import type { ExplainImage } from '../check/explain-image.ts';
import type { CheckImage } from '../check/verdict.ts';
import type { SignatureVerifier } from '../ledger/evidence.ts';
import type { Approval, KnownRecord, TagRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { ClusterOptions, ClusterRuntime } from './kubectl/ports.ts';
import type { MonitorEvent, MonitorOptions } from './monitor/ports.ts';

/** A record with the evidence that was verified. */
export interface RecordWithEvidence {
  readonly record: TagRecord;
  /** False while it is only reserved. */
  readonly logged: boolean;
}

/** One generation of a tag as the store has it. */
export type GenerationFound =
  | ({ readonly kind: 'verified' } & RecordWithEvidence)
  /** Its content counts for nothing. */
  | { readonly kind: 'broken'; readonly generation: number; readonly error: unknown };

/** What a store lists, before anything of it is verified. */
export type ListedTag =
  | { readonly kind: 'tag'; readonly reference: TagReference }
  /** `name`: of the record's object or file, for people. */
  | { readonly kind: 'broken'; readonly name: string; readonly error: unknown };

/** What doors tell of a record. */
export interface Told {
  readonly record: KnownRecord;
  readonly logged: boolean;
}

export interface AcceptRequest {
  readonly reference: TagReference;
  readonly digest: Digest;
  readonly approval: Approval;
}

/** The generation before an accepted one. */
export interface Before {
  readonly from?: KnownRecord;
  /** Its number, where no record of it is left and nobody knows what it was. */
  readonly lost?: number;
}

export type AcceptOutcome =
  /** This call made the generation. */
  | ({ readonly kind: 'accepted'; readonly found: Told } & Before)
  /** The newest generation, in the log, says this digest already. */
  | { readonly kind: 'present'; readonly found: Told }
  /** Reserved, and not in the log yet: the same call again goes on. */
  | ({ readonly kind: 'pending'; readonly found: Told; readonly retryAfterSeconds: number } & Before)
  /** The tag has no record: there is no move to accept. */
  | { readonly kind: 'unknown' };

export type RestoreOutcome =
  /** `found` is the newest generation, written to the store by this call. */
  | { readonly kind: 'restored'; readonly found: Told }
  /** The store has it already, as the log has it. */
  | { readonly kind: 'present'; readonly found: Told }
  /** The log surely never saw the tag. */
  | { readonly kind: 'absent' };

export type ImportOutcome =
  /** Written; in a dry run: would be written. */
  | { readonly kind: 'imported' }
  | { readonly kind: 'present' }
  /** The store says another digest for this generation, or the newest generation forbids it. */
  | {
      readonly kind: 'conflict';
      readonly recorded: Digest;
      /** The record in the store is Conflicted, and this one is not the older claim that contradicts it. */
      readonly isConflicted?: boolean;
    };

/** Who made a signature that was verified. */
export type RecordSigner =
  | { readonly kind: 'key'; /** SubjectPublicKeyInfo PEM. */ readonly publicKey: string }
  | { readonly kind: 'keyless'; /** SAN. */ readonly identity: string; readonly issuer: string };

/** Who signs here. */
export type SignerIdentity =
  | { readonly kind: 'key'; /** SubjectPublicKeyInfo PEM. */ readonly publicKey: string }
  | {
      readonly kind: 'keyless';
      /** SAN of the certificate. */
      readonly identity: string;
      readonly issuer: string;
      /** RFC 3339. */
      readonly notBefore: string;
      readonly notAfter: string;
      /** Where the token comes from, for people: `file /var/run/token`, `gcp` ... */
      readonly tokenSource: string;
      readonly fulcioUrl: string;
      /** False: no `signer.identity` and `signer.issuer` are set yet. */
      readonly pinned: boolean;
    };

/** What an outsider needs to verify evidence with other tools. Needs no signer token. */
export interface Trust {
  /** Sigstore `trusted_root.json` of all that is trusted: logs, certificate and timestamp authorities, CT logs. */
  readonly trustedRoot: Readonly<Record<string, unknown>>;
  /** Who made a signature of a verified record. */
  signerOf(verifier: SignatureVerifier): RecordSigner;
}

/** What runs in a container, compared with what is recorded of its tag. */
export interface ScanRow {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** As the Pod's spec has it. */
  readonly image: string;
  /** Canonical, without a digest. */
  readonly reference: string;
  /** What the node says it runs; absent where it says nothing that can be compared. */
  readonly running?: Digest;
  readonly recorded?: KnownRecord;
  readonly result: ScanResult;
}

export type ScanResult =
  | { readonly kind: 'ok' | 'mismatch' | 'unrecorded' | 'exempt' | 'unknown' }
  /** The digest of an earlier generation. */
  | { readonly kind: 'older'; readonly generation: number }
  /** The record counts for nothing, or could not be had. */
  | { readonly kind: 'failed'; readonly error: unknown };

export interface ScanReport {
  /** By namespace, Pod and container. */
  readonly rows: readonly ScanRow[];
  /** Pods that were looked at. */
  readonly pods: number;
  /** Images that were left out, since there are too many. */
  readonly skipped: number;
}

/** Which Pods. `optedIn`: those of all namespaces that have a mode. */
export type ScanPlaces = { readonly namespace: string } | 'optedIn';

/** What commands that only read work on. */
export interface ReadRuntime {
  readonly checkImage: CheckImage;
  readonly checkWorkload: CheckWorkload;
  /** The newest generation, verified, from the store alone: no registry and no log is asked. */
  findRecord(reference: TagReference, signal: AbortSignal): Promise<RecordWithEvidence | undefined>;
  /** Every generation, oldest first, verified, from the store alone; none for an unknown tag. */
  generations(reference: TagReference, signal: AbortSignal): Promise<readonly GenerationFound[]>;
  /** The tags of all records in the store, in no particular order; a tag may come more than once. */
  tags(signal: AbortSignal): AsyncIterable<ListedTag>;
  /** Never throws, as `checkImage`; records nothing. */
  readonly explain: ExplainImage;
  /** Running Pods against the records; reads only. Absent outside a cluster. Throws KUBERNETES_*. */
  scan?(places: ScanPlaces | undefined, signal: AbortSignal): Promise<ScanReport>;
  readonly trust: Trust;
  close(): Promise<void>;
}

/**
 * What the commands work on; opened for one command and closed after it. Opening asks no signer for a token. All throw
 * STORE_UNAVAILABLE, RECORD_*, LOG_*, IDENTITY_MISMATCH, DEADLINE_EXCEEDED.
 */
export interface Runtime extends ReadRuntime {
  /** Throws DIGEST_MISMATCH, which names both, when the tag does not point to the digest now; REGISTRY_*. */
  accept(request: AcceptRequest, signal: AbortSignal): Promise<AcceptOutcome>;
  /** From the log alone; `reference.digest`, else what the tag points to now, is tried. Throws RECORD_LOST. */
  restore(reference: TagReference, signal: AbortSignal): Promise<RestoreOutcome>;
  /** Verifies all of the record by our own trust first. `dryRun` verifies and compares, and writes nothing. */
  importRecord(
    record: TagRecord,
    options: { readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<ImportOutcome>;
  /** Keyless: asks for a certificate where there is none. Throws SIGNER_UNAVAILABLE, IDENTITY_MISMATCH. */
  identity(signal: AbortSignal): Promise<SignerIdentity>;
}

/** A running `tagseal serve`. */
export interface Serving {
  /** Lines that tell where the doors are, for a person. */
  readonly banner: readonly string[];
  /** Settles when everything has stopped: after the signal, or with the error that stopped it. */
  readonly stopped: Promise<void>;
}

export interface Programs {
  /** Throws CONFIG_INVALID, KEY_INVALID, TRUST_ROOT_INVALID, LOG_*, STORE_UNAVAILABLE. */
  openRuntime(configFile: string | undefined): Promise<Runtime>;
  /** As `kubectl tagseal`: no config, no key; see ClusterRuntime. */
  openCluster(options: ClusterOptions, signal: AbortSignal): Promise<ClusterRuntime>;
  /** Resolves once every door is listening; `signal` stops them cleanly. */
  serve(configFile: string | undefined, signal: AbortSignal): Promise<Serving>;
  /**
   * Reads a log on behalf of an outsider: neither store nor signing key is opened, and the config only for what the
   * options leave out. Ends with `once` at the log's end, else at `signal`. Throws LOG_FORKED, LOG_PROOF_INVALID,
   * LOG_ENTRY_INVALID, TRUST_ROOT_*, KEY_INVALID, CONFIG_INVALID, and with `once` LOG_UNAVAILABLE.
   */
  monitor(
    options: MonitorOptions,
    configFile: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<MonitorEvent>;
  /** A new P-256 key pair: PKCS#8 and SubjectPublicKeyInfo PEM. */
  generateKey(): { readonly privateKey: string; readonly publicKey: string };
}

/** The process as the commands see it. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Resolves when more may be written. */
  readonly stdoutBytes: (bytes: Uint8Array) => Promise<void>;
  readonly readStdin: () => Promise<Uint8Array>;
  /** For input that is too large to be read at once. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Standard error is a terminal. */
  readonly isTerminal: boolean;
  /** Standard output is a terminal. */
  readonly outputIsTerminal: boolean;
  /** NO_COLOR was respected when this was set. */
  readonly color: boolean;
  /** Name of the user who runs the command; undefined where the system knows none. */
  readonly userName: () => string | undefined;
  /** Aborts at Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Of Node, which runs the program. */
  readonly nodeVersion: string;
}

import type { CheckWorkload } from '../check/check-workload.ts';
import type { CheckImage } from '../check/verdict.ts';
import type { TagRecord } from '../ledger/record.ts';
import type { TagReference } from '../reference/reference.ts';

/** A record with the evidence that was verified. */
export interface RecordWithEvidence {
  readonly record: TagRecord;
  /** False while it is only reserved. */
  readonly logged: boolean;
}

/** What the commands work on; opened for one command and closed after it. */
export interface Runtime {
  readonly checkImage: CheckImage;
  readonly checkWorkload: CheckWorkload;
  /** The verified record, from the store alone: no registry and no log is asked. */
  findRecord(reference: TagReference, signal: AbortSignal): Promise<RecordWithEvidence | undefined>;
  /** What an outsider needs to verify evidence with other tools. */
  readonly trust: {
    /** Sigstore `trusted_root.json`. */
    readonly trustedRoot: Readonly<Record<string, unknown>>;
    /** The accepted signing key, SubjectPublicKeyInfo PEM. */
    readonly publicKey: string;
  };
  close(): Promise<void>;
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
  /** Resolves once every door is listening; `signal` stops them cleanly. */
  serve(configFile: string | undefined, signal: AbortSignal): Promise<Serving>;
  /** A new P-256 key pair: PKCS#8 and SubjectPublicKeyInfo PEM. */
  generateKey(): { readonly privateKey: string; readonly publicKey: string };
}

/** The process as the commands see it. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly readStdin: () => Promise<Uint8Array>;
  readonly isTerminal: boolean;
  /** NO_COLOR was respected when this was set. */
  readonly color: boolean;
  /** Aborts at Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  readonly version: string;
}

/** Whose log to watch; what is left out comes from the config. */
export interface MonitorOptions {
  readonly log?: {
    readonly kind: 'rekor-v1' | 'rekor-v2';
    readonly url: string;
    readonly trust:
      { readonly trustedRootFile: string } | { readonly publicKeyFile: string; readonly origin: string };
  };
  /** Whose entries to tell. Keyless: certificate authorities come from `trustedRootFile`, else from the config. */
  readonly signer?:
    | { readonly kind: 'key'; readonly publicKeyFile: string }
    | {
        readonly kind: 'keyless';
        readonly identity: string;
        readonly issuer: string;
        readonly trustedRootFile?: string;
      };
  /** Keeps how far the log was read and what was found; without it nothing is kept. */
  readonly stateFolder?: string;
  /** Read from the first entry; else from the state, else from the log's end as it is now. */
  readonly fromStart: boolean;
  /** End at the log's end. */
  readonly once: boolean;
  /** Milliseconds between two looks at the log's end. */
  readonly intervalMs: number;
}

/** Told in the order of the log; only what a verified checkpoint covers. */
export type MonitorEvent =
  /** An entry with a valid signature of the watched signer. */
  | {
      readonly kind: 'entry';
      readonly index: number;
      readonly uuid: string;
      /** Hex SHA-256 of the statement: all that a log keeps of it. */
      readonly statementDigest: string;
      /** RFC 3339, where the log vouches for one. */
      readonly time?: string;
      /** Found by an earlier run, from the state folder: known, and told again only for comparison. */
      readonly earlier?: boolean;
    }
  /** Everything below `treeSize` is read and hashes to the signed root. */
  | {
      readonly kind: 'checkpoint';
      readonly origin: string;
      readonly treeSize: number;
      /** Hex. */
      readonly rootHash: string;
    }
  /** The log cannot be reached, and is tried again. */
  | { readonly kind: 'waiting'; readonly code: string; readonly message: string };

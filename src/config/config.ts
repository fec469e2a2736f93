import type { Policy } from '../policy/policy.ts';
import type { PostgresServer } from './postgres-url.ts';

/** How a log that is not ours is trusted: by its key and origin, or by a Sigstore `trusted_root.json`. */
export interface LogSettings {
  readonly kind: 'embedded' | 'rekor-v2' | 'rekor-v1';
  readonly url?: string;
  /** Where tiles are served, if not under `url`. */
  readonly readUrl?: string;
  readonly origin?: string;
  readonly publicKeyFile?: string;
  readonly trustedRootFile?: string;
}

export type StoreSettings =
  | { readonly kind: 'directory' }
  | {
      readonly kind: 'postgres';
      readonly server: PostgresServer;
      readonly caFile?: string;
      readonly maxConnections: number;
    };

export interface Config {
  readonly scope: string;
  readonly dataDir: string;
  readonly privacy: 'auto' | 'plain' | 'blinded';
  /** 32 bytes in hex; made on first start. Without it no blinded tag can be found again. */
  readonly blindingKeyFile: string;
  readonly log: LogSettings;
  readonly signer: { readonly kind: 'key'; readonly keyFile: string };
  readonly store: StoreSettings;
  readonly registries: {
    readonly allow: readonly string[];
    readonly plainHttp: readonly string[];
    /** Docker `config.json`; absent: the default place, which may be missing. */
    readonly credentialsFile?: string;
    readonly caFile?: string;
  };
  readonly policy: Policy;
  readonly admission: {
    readonly enabled: boolean;
    readonly listen: string;
    readonly tls: { readonly mode: 'self' | 'files'; readonly certFile?: string; readonly keyFile?: string };
    readonly workloads: 'warn' | 'deny';
  };
  readonly proxy: {
    readonly enabled: boolean;
    readonly listen: string;
    readonly denyCode: 'DENIED' | 'TAG_INVALID';
  };
  readonly admin: { readonly listen: string };
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
}

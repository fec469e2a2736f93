import type { Policy } from '../policy/policy.ts';
import type { PostgresServer } from './postgres-url.ts';

/** How a log that is not ours is trusted; `tuf`: by the trusted root that a TUF repository delivers. */
export type LogTrustSource =
  | { readonly by: 'key'; readonly publicKeyFile: string; readonly origin: string }
  | { readonly by: 'trustedRoot'; readonly file: string }
  | { readonly by: 'tuf' };

export interface RekorLogSettings {
  readonly kind: 'rekor-v2' | 'rekor-v1';
  /** Absent: the public-good instance, or the shard that the signing config names. */
  readonly url?: string;
  /** Where tiles are served, if not under `url`. */
  readonly readUrl?: string;
  readonly trust: LogTrustSource;
  readonly signingConfigFile?: string;
  readonly caFile?: string;
  readonly requestsPerMinute?: number;
  /** Whether every entry of a Rekor v1 is read, as those of a Rekor v2 are. */
  readonly follow: boolean;
  /** Verifier keys in the form of C2SP signed-note; a checkpoint counts with `quorum` of their cosignatures. */
  readonly witnesses: { readonly keys: readonly string[]; readonly quorum: number };
}

export interface EmbeddedLogSettings {
  readonly kind: 'embedded';
  /** Trusted roots of logs that this one has replaced. */
  readonly earlierTrustedRootFiles: readonly string[];
}

export type LogSettings = EmbeddedLogSettings | RekorLogSettings;

/** Where the OIDC token for Fulcio comes from. Tokens are secrets; absent where their variable is not set. */
export type TokenSourceSettings =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'gcp' }
  | {
      readonly kind: 'github';
      readonly requestUrl: string | undefined;
      readonly requestToken: string | undefined;
    }
  | { readonly kind: 'environment'; readonly variable: string; readonly token: string | undefined };

/** A certificate's subject alternative name and its issuer's URL, both exact. */
export interface IdentitySettings {
  readonly identity: string;
  readonly issuer: string;
}

interface AcceptedSigners {
  /** Retired keys: records that they signed stay valid. */
  readonly acceptedKeyFiles: readonly string[];
  readonly acceptedIdentities: readonly IdentitySettings[];
  /** RFC 3161 timestamp authority. */
  readonly tsaUrl?: string;
  /** Trusted root with the CAs and timestamp authorities; absent: that of the log, else that of TUF. */
  readonly trustedRootFile?: string;
}

export type SignerSettings = AcceptedSigners &
  (
    | { readonly kind: 'key'; readonly keyFile: string }
    | {
        readonly kind: 'keyless';
        readonly fulcioUrl: string;
        readonly token: TokenSourceSettings;
        /** Absent only as long as nobody has looked: `tagseal identity` tells it. */
        readonly pinned?: IdentitySettings;
      }
  );

/** Absent: the public-good repository. */
export interface TufSettings {
  readonly url?: string;
  readonly rootFile?: string;
}

export type StoreSettings =
  | { readonly kind: 'directory' }
  | {
      readonly kind: 'postgres';
      readonly server: PostgresServer;
      readonly caFile?: string;
      readonly maxConnections: number;
    }
  | ({ readonly kind: 'kubernetes' } & KubernetesSettings);

/** Clouds whose registries are shown the identity of this machine or workload. */
export interface AmbientSettings {
  readonly aws: boolean;
  readonly azure?: {
    /** By a federated token; absent: the managed identity of the machine. */
    readonly workload?: {
      readonly authority: string;
      readonly tenantId: string;
      readonly clientId: string;
      readonly tokenFile: string;
    };
    readonly clientId?: string;
  };
  readonly google?: { readonly metadataHost: string };
}

/** Which cluster, and as whom: by kubeconfig files, the first one's entries winning, or as the Pod that this runs in. */
export type ClusterAccess =
  | {
      readonly by: 'kubeconfig';
      readonly files: readonly string[];
      /** Default: the current one. */
      readonly context?: string;
    }
  | { readonly by: 'serviceAccount'; readonly host: string; readonly port: string };

export interface KubernetesSettings {
  readonly access: ClusterAccess;
  /** Absent: that of the Pod or of the kubeconfig's context. */
  readonly namespace?: string;
  /** Begins the names of what is kept in the namespace. */
  readonly name: string;
}

export type DoorTls =
  | { readonly mode: 'self' }
  | { readonly mode: 'files'; readonly certFile: string; readonly keyFile: string }
  | { readonly mode: 'cluster'; readonly lifetimeMs: number };

export interface Config {
  readonly scope: string;
  readonly dataDir: string;
  readonly privacy: 'auto' | 'plain' | 'blinded';
  /** 32 bytes in hex; made on first start. Without it no blinded tag can be found again. */
  readonly blindingKeyFile: string;
  readonly log: LogSettings;
  readonly tuf: TufSettings;
  readonly signer: SignerSettings;
  readonly store: StoreSettings;
  readonly registries: {
    readonly allow: readonly string[];
    readonly plainHttp: readonly string[];
    /** By canonical registry, in order; `prefix` stands before the repository. */
    readonly mirrors: ReadonlyMap<string, readonly { readonly registry: string; readonly prefix: string }[]>;
    /** Docker `config.json`; absent: the default place, which may be missing. */
    readonly credentialsFile?: string;
    readonly ambient: AmbientSettings;
    readonly caFile?: string;
  };
  readonly policy: Policy;
  readonly admission: {
    readonly enabled: boolean;
    readonly listen: string;
    readonly tls: DoorTls;
    /** By which the API server calls the webhook in a cluster. */
    readonly serviceName: string;
    readonly pullSecrets: boolean;
    readonly workloads: 'warn' | 'deny';
    readonly loopDetector: 'warn' | 'none';
  };
  readonly proxy: {
    readonly enabled: boolean;
    readonly listen: string;
    /** Absent: plain HTTP. */
    readonly tls?: DoorTls & {
      /** Beside those of the listen address. */
      readonly names: readonly string[];
    };
    readonly clients: {
      readonly htpasswdFile?: string;
      /** Who certifies clients. */
      readonly caFile?: string;
    };
    /** Registries that clients pull from with their own credentials, and where they reach us for that. */
    readonly clientCredentials?: { readonly registries: ReadonlySet<string>; readonly publicUrl: URL };
    readonly trustedHops: number;
    /** Of one client, in a minute; 0: none. `streams`: at once, for all. */
    readonly limits: {
      readonly requestsPerMinute: number;
      readonly tagsPerMinute: number;
      readonly newTagsPerMinute: number;
      readonly streams: number;
    };
    /** `host[:port]`, lower case -> the canonical registry that is served there. */
    readonly virtualHosts: ReadonlyMap<string, string>;
    readonly denyCode: 'DENIED' | 'TAG_INVALID';
    readonly verifyBlobs: boolean;
  };
  readonly controller: {
    readonly enabled: boolean;
    /** Absent: no scan. */
    readonly scanEveryMs?: number;
  };
  readonly admin: { readonly listen: string };
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
}

import * as z from 'zod/mini';
import {
  text,
  url,
  listen,
  scope,
  hosts,
  identity,
  flag,
  list,
  wholeNumber,
  oneOf,
} from './setting-schemas.ts';

/** One setting: its place in the file, which is also its `TAGSEAL_*` variable, its rule, its default, its meaning. */
export interface Setting {
  readonly path: string;
  readonly schema: z.ZodMiniType;
  /** As it would be written in the file; absent: no default. */
  readonly default?: unknown;
  readonly about: string;
  /** Its value is never shown. */
  readonly isSecret?: true;
}

/** Registries that the proxy serves unless told otherwise: the well-known public ones. */
const PUBLIC_REGISTRIES = [
  'docker.io',
  'ghcr.io',
  'quay.io',
  'registry.k8s.io',
  'gcr.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
];

/** Every setting there is; the docs table and the variables are made from this list. */
export const SETTINGS: readonly Setting[] = [
  {
    path: 'scope',
    schema: scope,
    default: 'default',
    about: 'Name of the ledger. Deployments that share key, log and scope share one history.',
  },
  {
    path: 'dataDir',
    schema: text,
    default: './.tagseal',
    about: 'Folder of the embedded log, the directory store and the keys made on first start.',
  },
  {
    path: 'privacy',
    schema: oneOf('auto', 'plain', 'blinded'),
    default: 'auto',
    about:
      'Whether names reach the log as a plain hash, which can be guessed, or under a key. `auto`: plain for well-known public registries.',
  },
  {
    path: 'blindingKeyFile',
    schema: text,
    about:
      'Secret of 32 bytes in hex for blinded names. Default: `blinding.key` in dataDir, made on first start. Back it up.',
  },
  {
    path: 'log.kind',
    schema: oneOf('embedded', 'rekor-v2', 'rekor-v1'),
    default: 'embedded',
    about: 'The transparency log.',
  },
  { path: 'log.url', schema: url, about: 'Address of the Rekor server. Default: the public-good instance.' },
  { path: 'log.readUrl', schema: url, about: 'Where the tiles are served, if not at `<url>/api/v2`.' },
  { path: 'log.origin', schema: text, about: 'Origin line of the log’s checkpoints; with `publicKeyFile`.' },
  { path: 'log.publicKeyFile', schema: text, about: 'Public key of the log, PEM; with `origin`.' },
  {
    path: 'log.trustedRootFile',
    schema: text,
    about:
      'Sigstore `trusted_root.json` that names the log; instead of key and origin. Default, without these: by TUF.',
  },
  {
    path: 'log.signingConfigFile',
    schema: text,
    about:
      'Sigstore signing config that names the shard of a Rekor v2 to write to; instead of `url`. Read at start; a change is told by the log event `log.shardChanged`.',
  },
  {
    path: 'log.caFile',
    schema: text,
    about: 'PEM certificates to trust for the log’s address, besides the public ones.',
  },
  {
    path: 'log.requestsPerMinute',
    schema: wholeNumber(1, 1_000_000),
    about:
      'Requests to the log, at most, of this process. Default: 300 for the public-good Rekor v1, else none.',
  },
  {
    path: 'log.follow',
    schema: flag,
    default: false,
    about:
      'Whether every entry of a private Rekor v1 of one shard is read, ten a request, and compared with the records. Of the others all are.',
  },
  {
    path: 'log.witnesses',
    schema: list(text, 50),
    default: [],
    about:
      'Verifier keys (`name+hash+key`, as in a C2SP signed note) of witnesses whose cosignatures a checkpoint must carry.',
  },
  {
    path: 'log.witnessQuorum',
    schema: wholeNumber(1, 50),
    about: 'How many of the witnesses must have cosigned. Default: all.',
  },
  {
    path: 'trust.tufUrl',
    schema: url,
    about: 'TUF repository that delivers the trusted root. Default: the public-good one.',
  },
  { path: 'trust.tufRootFile', schema: text, about: 'Its first `root.json`; with `tufUrl`.' },
  {
    path: 'signer.kind',
    schema: oneOf('key', 'keyless'),
    default: 'key',
    about:
      'How statements are signed: by a key of your own, or by certificates of Fulcio for an OIDC identity.',
  },
  {
    path: 'signer.keyFile',
    schema: text,
    about: 'Private key, P-256 PEM. Default: `signer.key` in dataDir, made on first start. Back it up.',
  },
  {
    path: 'signer.acceptedKeyFiles',
    schema: list(text, 20),
    default: [],
    about: 'Keys that signed once, public or private PEM: records that they signed stay valid.',
  },
  {
    path: 'signer.fulcioUrl',
    schema: url,
    about: 'Certificate authority, for `keyless`. Default: the public-good one.',
  },
  {
    path: 'signer.tokenSource',
    schema: oneOf('file', 'gcp', 'github', 'environment'),
    about:
      'Where the OIDC token comes from: a projected service-account file, the GCP metadata server, GitHub Actions, a variable. Default: `file`.',
  },
  { path: 'signer.tokenFile', schema: text, about: 'File of the token; read anew at each use.' },
  {
    path: 'signer.tokenVariable',
    schema: text,
    about: 'Variable of the token, for `environment`. Default: `SIGSTORE_ID_TOKEN`.',
  },
  {
    path: 'signer.identity',
    schema: text,
    about: 'Subject alternative name that the certificates must have, exactly; `tagseal identity` shows it.',
  },
  { path: 'signer.issuer', schema: text, about: 'OIDC issuer that the certificates must name, exactly.' },
  {
    path: 'signer.acceptedIdentities',
    schema: list(identity, 20),
    default: [],
    about: 'Identities that signed once, each `{identity, issuer}`: records that they signed stay valid.',
  },
  {
    path: 'signer.tsaUrl',
    schema: url,
    about:
      'RFC 3161 timestamp authority. Needed for `keyless` on a log that gives no time; there the public-good one is the default of the public-good Fulcio.',
  },
  {
    path: 'signer.trustedRootFile',
    schema: text,
    about:
      'Sigstore `trusted_root.json` with the certificate and timestamp authorities. Default: `log.trustedRootFile`, else by TUF.',
  },
  {
    path: 'store.kind',
    schema: oneOf('directory', 'postgres'),
    default: 'directory',
    about: 'Where records are kept; see docs/stores.md.',
  },
  {
    path: 'store.url',
    schema: text,
    isSecret: true,
    about:
      '`postgres://user:password@host:5432/database?sslmode=verify-full`. TLS is verified unless the server is on this machine.',
  },
  {
    path: 'store.caFile',
    schema: text,
    about: 'PEM certificates to trust for the database server, instead of the public ones.',
  },
  {
    path: 'store.maxConnections',
    schema: wholeNumber(1, 1000),
    about: 'Connections of this process to the database, at most. Default: 10.',
  },
  {
    path: 'registries.allow',
    schema: hosts,
    default: PUBLIC_REGISTRIES,
    about: 'Registries that the proxy serves; also names private ones that may be dialled.',
  },
  {
    path: 'registries.plainHttp',
    schema: hosts,
    default: [],
    about: 'Registries that are spoken to over plain HTTP.',
  },
  {
    path: 'registries.credentialsFile',
    schema: text,
    about: 'Docker `config.json` with credentials. Default: `~/.docker/config.json` if it is there.',
  },
  {
    path: 'registries.caFile',
    schema: text,
    about: 'PEM certificates to trust for registries, besides the public ones.',
  },
  {
    path: 'policies',
    schema: list(z.unknown(), 100),
    default: [{ match: { images: ['**'] }, mode: 'enforce' }],
    about: 'Rules; the first that matches decides. See docs/policies.md.',
  },
  {
    path: 'admission.enabled',
    schema: flag,
    default: true,
    about: 'Whether `serve` runs the admission webhook.',
  },
  {
    path: 'admission.listen',
    schema: listen,
    default: '127.0.0.1:8443',
    about: 'Address of the webhook, HTTPS.',
  },
  {
    path: 'admission.tls.mode',
    schema: oneOf('self', 'files'),
    default: 'self',
    about: '`self`: own CA, its certificate is written to dataDir; `files`: certFile and keyFile.',
  },
  { path: 'admission.tls.certFile', schema: text, about: 'Serving certificate chain, PEM.' },
  { path: 'admission.tls.keyFile', schema: text, about: 'Its private key, PEM.' },
  {
    path: 'admission.workloads',
    schema: oneOf('warn', 'deny'),
    default: 'warn',
    about: 'What `/warn` does with a Deployment whose tag has moved.',
  },
  { path: 'proxy.enabled', schema: flag, default: true, about: 'Whether `serve` runs the pull proxy.' },
  { path: 'proxy.listen', schema: listen, default: '127.0.0.1:5050', about: 'Address of the proxy, HTTP.' },
  {
    path: 'proxy.denyCode',
    schema: oneOf('DENIED', 'TAG_INVALID'),
    default: 'DENIED',
    about: 'Error code of a refused tag; TAG_INVALID prints best in docker’s classic image store.',
  },
  {
    path: 'admin.listen',
    schema: listen,
    default: '127.0.0.1:9090',
    about: 'Address of /metrics, /healthz, /readyz and, with the embedded log, /log.',
  },
  {
    path: 'logLevel',
    schema: oneOf('error', 'warn', 'info', 'debug'),
    default: 'info',
    about: 'What `serve` writes to standard output, one JSON object a line.',
  },
];

/** `registries.plainHttp` -> `TAGSEAL_REGISTRIES_PLAIN_HTTP`. */
export function variableOf(path: string): string {
  return `TAGSEAL_${path
    .replaceAll('.', '_')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

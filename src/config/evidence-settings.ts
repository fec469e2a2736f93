import type { Setting } from './setting.ts';
import { text, url, scope, identity, flag, list, wholeNumber, oneOf } from './setting-schemas.ts';

/** What is recorded, where, and who signs it. */
export const EVIDENCE_SETTINGS: readonly Setting[] = [
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
    path: 'log.earlierTrustedRootFiles',
    schema: list(text, 20),
    default: [],
    about:
      'Each the `trusted_root.json` of an embedded log that the present one has replaced: its records stay valid. For `kind: embedded`.',
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
];

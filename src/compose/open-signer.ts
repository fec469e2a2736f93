import type { SignerIdentity } from '../cli/ports.ts';
import type { Config, IdentitySettings, SignerSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import type { KeySecret } from '../kube/key-secret.ts';
import type { Logger } from '../observe/log.ts';
import type { Clock, StatementSigner } from '../protocol/ports.ts';
import { readAcceptedKeys } from '../rekor/accepted-key-files.ts';
import type { KeySigner } from '../rekor/key-signer.ts';
import { makeKeylessSigner, type KeylessSigner } from '../rekor/keyless/keyless-signer.ts';
import { makeServiceCall } from '../rekor/keyless/service-call.ts';
import { withTimestamp } from '../rekor/keyless/timestamped.ts';
import { makeTimestampAuthority } from '../rekor/keyless/timestamp-authority.ts';
import { openKeySigner } from './key-files.ts';

/** Who signs, and whose signatures count: the signer's own first, then those that signed once. */
export interface OpenedSigner {
  readonly signer: StatementSigner;
  /** The same without timestamps: a look-up in the log needs the signature alone. */
  readonly unstamped: StatementSigner;
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly keys: readonly string[];
  readonly identities: readonly { readonly san: string; readonly issuer: string }[];
  identity(signal: AbortSignal): Promise<SignerIdentity>;
}

interface SignerParts {
  /** Where a key that no setting names is kept. */
  readonly keySecret?: KeySecret | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

type KeylessSettings = Extract<SignerSettings, { readonly kind: 'keyless' }>;

/** The signer of the config; asks nobody for a certificate yet. Throws KEY_INVALID, CONFIG_INVALID. */
export async function openSigner(config: Config, parts: SignerParts): Promise<OpenedSigner> {
  const { signer: settings } = config;
  const keys = await readAcceptedKeys(settings.acceptedKeyFiles);
  const identities = settings.acceptedIdentities.map(identityOf);
  if (settings.kind === 'key') {
    const { signer, unstamped } = await openKey(config, parts.keySecret);
    return {
      signer,
      unstamped,
      keys: [...new Set([signer.spki, ...keys])],
      identities,
      identity: () => Promise.resolve({ kind: 'key', publicKey: unstamped.publicKeyPem }),
    };
  }
  const { pinned } = settings;
  const signer = makeKeylessSigner({ ...settings, ...parts });
  const pinnedSigner = pinned === undefined ? unpinned(signer) : signer;
  return {
    signer: pinnedSigner,
    unstamped: pinnedSigner,
    keys,
    identities: [...(pinned ? [identityOf(pinned)] : []), ...identities],
    identity: (signal) => certified(signer, settings, signal),
  };
}

/** Whoever serves must have looked whom its certificates are for. Throws CONFIG_INVALID. */
export function requirePinned({ signer }: Config): void {
  if (signer.kind === 'keyless' && signer.pinned === undefined) throw notPinned();
}

async function openKey(
  config: Config,
  keySecret: KeySecret | undefined,
): Promise<{
  readonly signer: KeySigner;
  readonly unstamped: KeySigner;
}> {
  const unstamped = await openKeySigner(config, keySecret);
  const { tsaUrl } = config.signer;
  if (tsaUrl === undefined) return { signer: unstamped, unstamped };
  const authority = makeTimestampAuthority({ url: tsaUrl, call: makeServiceCall({}) });
  return { signer: withTimestamp(unstamped, authority), unstamped };
}

async function certified(
  signer: KeylessSigner,
  { fulcioUrl, pinned }: KeylessSettings,
  signal: AbortSignal,
): Promise<SignerIdentity> {
  const { san, issuer, notBefore, notAfter, tokenSource } = await signer.identity(signal);
  return {
    kind: 'keyless',
    identity: san,
    issuer,
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
    tokenSource,
    fulcioUrl,
    pinned: pinned !== undefined,
  };
}

/** What it signed, nobody here would accept. */
function unpinned(signer: KeylessSigner): StatementSigner {
  return { ...signer, sign: () => Promise.reject(notPinned()) };
}

function notPinned(): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message:
      'signer.identity and signer.issuer must be set for signer.kind keyless; tagseal identity shows whom the certificates are for',
  });
}

function identityOf({ identity, issuer }: IdentitySettings): {
  readonly san: string;
  readonly issuer: string;
} {
  return { san: identity, issuer };
}

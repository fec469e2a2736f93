import * as z from 'zod/mini';
import type { IdentitySettings, LogSettings, SignerSettings, TokenSourceSettings } from './config.ts';
import { contradiction, optionalFile, type Absolute, type ValueReader } from './value-reader.ts';

const PUBLIC_FULCIO = 'https://fulcio.sigstore.dev';
const PUBLIC_TSA = 'https://timestamp.sigstore.dev/api/v1/timestamp';
const DEFAULT_VARIABLE = 'SIGSTORE_ID_TOKEN';
const KEYLESS_ONLY = [
  'signer.fulcioUrl',
  'signer.tokenSource',
  'signer.tokenFile',
  'signer.tokenVariable',
  'signer.identity',
  'signer.issuer',
];
const identities = z.array(z.object({ identity: z.string(), issuer: z.string() }));

interface SignerPlace {
  readonly absolute: Absolute;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: LogSettings;
  readonly keyFile: string;
}

export function signerSettings(get: ValueReader, place: SignerPlace): SignerSettings {
  const { absolute, keyFile } = place;
  const kind = get.oneOf('signer.kind', ['key', 'keyless']);
  const tsaUrl = get.optional('signer.tsaUrl');
  const accepted = {
    acceptedKeyFiles: get.list('signer.acceptedKeyFiles').map(absolute),
    acceptedIdentities: z.parse(identities, get.raw('signer.acceptedIdentities')),
    ...(tsaUrl !== undefined && { tsaUrl }),
    ...optionalFile(get, 'signer.trustedRootFile', absolute, 'trustedRootFile'),
  };
  if (kind === 'key') {
    for (const path of KEYLESS_ONLY) {
      if (get.has(path)) throw contradiction(path, 'is not for signer.kind key');
    }
    return { kind, keyFile, ...accepted };
  }
  if (get.has('signer.keyFile')) throw contradiction('signer.keyFile', 'is not for signer.kind keyless');
  const fulcioUrl = get.optional('signer.fulcioUrl') ?? PUBLIC_FULCIO;
  const pinned = pinnedIdentity(get);
  return {
    kind,
    fulcioUrl,
    token: tokenSource(get, place),
    ...accepted,
    ...timestamps({ fulcioUrl, tsaUrl, log: place.log }),
    ...(pinned && { pinned }),
  };
}

/** A certificate is good for minutes, so something must vouch for the time of the signature. */
function timestamps({
  fulcioUrl,
  tsaUrl,
  log,
}: {
  readonly fulcioUrl: string;
  readonly tsaUrl: string | undefined;
  readonly log: LogSettings;
}): { readonly tsaUrl?: string } {
  if (tsaUrl !== undefined || log.kind === 'rekor-v1') return {};
  if (fulcioUrl === PUBLIC_FULCIO) return { tsaUrl: PUBLIC_TSA };
  throw contradiction(
    'signer.tsaUrl',
    `must be set for signer.kind keyless: log.kind ${log.kind} gives no time`,
  );
}

function pinnedIdentity(get: ValueReader): IdentitySettings | undefined {
  const identity = get.optional('signer.identity');
  const issuer = get.optional('signer.issuer');
  if (identity === undefined && issuer === undefined) return undefined;
  if (identity === undefined) throw contradiction('signer.identity', 'must be set with signer.issuer');
  if (issuer === undefined) throw contradiction('signer.issuer', 'must be set with signer.identity');
  return { identity, issuer };
}

/** What a variable must bring may be missing here: only who signs needs it. */
function tokenSource(get: ValueReader, { absolute, environment }: SignerPlace): TokenSourceSettings {
  const kind = get.has('signer.tokenSource')
    ? get.oneOf('signer.tokenSource', ['file', 'gcp', 'github', 'environment'])
    : 'file';
  assertOnlyFor(get, 'signer.tokenFile', { is: kind, for: 'file' });
  assertOnlyFor(get, 'signer.tokenVariable', { is: kind, for: 'environment' });
  if (kind === 'gcp') return { kind };
  if (kind === 'file') return { kind, file: absolute(tokenFile(get)) };
  if (kind === 'environment') {
    const variable = get.optional('signer.tokenVariable') ?? DEFAULT_VARIABLE;
    return { kind, variable, token: environment[variable] };
  }
  return {
    kind,
    requestUrl: environment['ACTIONS_ID_TOKEN_REQUEST_URL'],
    requestToken: environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'],
  };
}

function tokenFile(get: ValueReader): string {
  const file = get.optional('signer.tokenFile');
  if (file !== undefined) return file;
  throw contradiction('signer.tokenFile', 'or signer.tokenSource must be set for signer.kind keyless');
}

function assertOnlyFor(
  get: ValueReader,
  path: string,
  kind: { readonly is: string; readonly for: string },
): void {
  if (kind.is !== kind.for && get.has(path)) {
    throw contradiction(path, `is not for signer.tokenSource ${kind.is}`);
  }
}

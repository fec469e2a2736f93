import type { LogSettings, LogTrustSource } from './config.ts';
import { contradiction, optionalFile, type Absolute, type ValueReader } from './value-reader.ts';

const REKOR_ONLY = [
  'log.url',
  'log.readUrl',
  'log.origin',
  'log.trustedRootFile',
  'log.publicKeyFile',
  'log.signingConfigFile',
  'log.caFile',
  'log.requestsPerMinute',
];

const EARLIER = 'log.earlierTrustedRootFiles';

export function logSettings(get: ValueReader, absolute: Absolute): LogSettings {
  const kind = get.oneOf('log.kind', ['embedded', 'rekor-v2', 'rekor-v1']);
  const witnesses = get.list('log.witnesses');
  if (kind === 'embedded') {
    for (const path of REKOR_ONLY) {
      if (get.has(path)) throw contradiction(path, 'is not for log.kind embedded');
    }
    if (witnesses.length > 0) throw contradiction('log.witnesses', 'is not for log.kind embedded');
    return { kind, earlierTrustedRootFiles: get.list(EARLIER).map(absolute) };
  }
  if (get.list(EARLIER).length > 0) throw contradiction(EARLIER, 'is for log.kind embedded');
  const url = get.optional('log.url');
  const readUrl = get.optional('log.readUrl');
  const requestsPerMinute = get.count('log.requestsPerMinute');
  const trust = trustSource(get, absolute);
  assertPlace(get, { kind, url, trust });
  return {
    kind,
    trust,
    ...(url !== undefined && { url }),
    ...(readUrl !== undefined && { readUrl }),
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...optionalFile(get, 'log.signingConfigFile', absolute, 'signingConfigFile'),
    ...optionalFile(get, 'log.caFile', absolute, 'caFile'),
    follow: kind === 'rekor-v2' || get.flag('log.follow'),
    witnesses: { keys: witnesses, quorum: quorumOf(get, witnesses.length) },
  };
}

/** By key and origin, by a trusted root, or by neither: then by TUF. */
function trustSource(get: ValueReader, absolute: Absolute): LogTrustSource {
  const file = get.optional('log.trustedRootFile');
  const publicKeyFile = get.optional('log.publicKeyFile');
  const origin = get.optional('log.origin');
  if (file !== undefined) {
    if (publicKeyFile !== undefined || origin !== undefined) {
      throw contradiction(
        'log.trustedRootFile',
        'says already which log to trust; drop log.publicKeyFile and log.origin',
      );
    }
    return { by: 'trustedRoot', file: absolute(file) };
  }
  if (publicKeyFile === undefined && origin === undefined) return { by: 'tuf' };
  if (publicKeyFile === undefined) throw contradiction('log.publicKeyFile', 'must be set with log.origin');
  if (origin === undefined) throw contradiction('log.origin', 'must be set with log.publicKeyFile');
  return { by: 'key', publicKeyFile: absolute(publicKeyFile), origin };
}

/** The public-good root says nothing about a log of one's own. */
const PUBLIC_HOST = /^https:\/\/(?:[a-z0-9-]+\.)*sigstore\.dev(?:\/|$)/;

interface Place {
  readonly kind: string;
  readonly url: string | undefined;
  readonly trust: LogTrustSource;
}

function assertV2Only(get: ValueReader): void {
  for (const path of ['log.readUrl', 'log.signingConfigFile']) {
    if (get.has(path)) throw contradiction(path, 'is for log.kind rekor-v2');
  }
  if (get.list('log.witnesses').length > 0) throw contradiction('log.witnesses', 'is for log.kind rekor-v2');
}

/** Only the public-good instance has a default address, and a TUF repository of one's own knows nothing of it. */
function assertNotPublic(get: ValueReader, url: string | undefined): void {
  if (url === undefined && get.has('trust.tufUrl'))
    throw contradiction('log.url', 'must be set with trust.tufUrl');
}

function assertPlace(get: ValueReader, { kind, url, trust }: Place): void {
  if (kind === 'rekor-v1') {
    assertV2Only(get);
    assertNotPublic(get, url);
  }
  const bySigningConfig = get.has('log.signingConfigFile');
  if (url === undefined) {
    // without an address the trust root must be the one that belongs to the default address
    if (bySigningConfig || trust.by === 'tuf') return;
    throw contradiction('log.url', 'must be set where the trust is not by TUF');
  }
  if (bySigningConfig) throw contradiction('log.signingConfigFile', 'names the address itself; drop log.url');
  if (trust.by === 'tuf' && !PUBLIC_HOST.test(url) && !get.has('trust.tufUrl')) {
    throw contradiction(
      'log.trustedRootFile',
      'or log.publicKeyFile with log.origin, or trust.tufUrl, must say which log to trust',
    );
  }
}

function quorumOf(get: ValueReader, witnesses: number): number {
  const quorum = get.count('log.witnessQuorum') ?? witnesses;
  if (quorum > witnesses)
    throw contradiction('log.witnessQuorum', `must be at most ${witnesses}, the witnesses`);
  return quorum;
}

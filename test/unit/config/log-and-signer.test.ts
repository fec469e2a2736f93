import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config/read-config.ts';
import { AppError } from '../../../src/errors/app-error.ts';

type Environment = Readonly<Record<string, string>>;

function read(environment: Environment) {
  return readConfig({ environment, workingDirectory: '/nowhere' });
}

function refusal(environment: Environment): string {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const V1 = { TAGSEAL_LOG_KIND: 'rekor-v1' };
const V2 = { TAGSEAL_LOG_KIND: 'rekor-v2', TAGSEAL_LOG_URL: 'https://rekor.test' };
const ROOT = { TAGSEAL_LOG_TRUSTED_ROOT_FILE: '/r.json' };
const KEYLESS = { TAGSEAL_SIGNER_KIND: 'keyless', TAGSEAL_SIGNER_TOKEN_FILE: '/token' };
const WITNESSES = { TAGSEAL_LOG_WITNESSES: 'a+1+x, b+2+y' };

describe('the settings of a log', () => {
  it('takes log.kind alone for the public-good instance, trusted by TUF', () => {
    expect(read(V1).log).toEqual({
      kind: 'rekor-v1',
      trust: { by: 'tuf' },
      follow: false,
      witnesses: { keys: [], quorum: 0 },
    });
  });

  it('takes a trusted root, or a key with its origin', () => {
    expect(read({ ...V2, ...ROOT }).log).toMatchObject({ trust: { by: 'trustedRoot', file: '/r.json' } });
    const byKey = { TAGSEAL_LOG_PUBLIC_KEY_FILE: 'log.pub', TAGSEAL_LOG_ORIGIN: 'rekor.test' };
    expect(read({ ...V2, ...byKey }).log).toMatchObject({
      trust: { by: 'key', publicKeyFile: '/nowhere/log.pub', origin: 'rekor.test' },
    });
  });

  it('follows a Rekor v2 leaf by leaf, and a v1 where that is asked for', () => {
    expect(read({ ...V2, ...ROOT }).log).toMatchObject({ follow: true });
    expect(read({ ...V1, TAGSEAL_LOG_FOLLOW: 'true' }).log).toMatchObject({ follow: true });
  });

  it('wants every witness unless told how many', () => {
    const log = { ...V2, ...ROOT, ...WITNESSES };
    expect(read(log).log).toMatchObject({ witnesses: { keys: ['a+1+x', 'b+2+y'], quorum: 2 } });
    const one = { ...log, TAGSEAL_LOG_WITNESS_QUORUM: '1' };
    expect(read(one).log).toMatchObject({ witnesses: { quorum: 1 } });
  });

  it.each<[string, Environment, RegExp]>([
    [
      'an address for the embedded log',
      { TAGSEAL_LOG_URL: 'https://x.test' },
      /log\.url .* not for .* embedded/,
    ],
    [
      'a rate for the embedded log',
      { TAGSEAL_LOG_REQUESTS_PER_MINUTE: '9' },
      /requestsPerMinute .* embedded/,
    ],
    ['witnesses for the embedded log', WITNESSES, /log\.witnesses .* embedded/],
    ['a root without an address', { ...V1, ...ROOT }, /log\.url \(TAGSEAL_LOG_URL\) must be set/],
    ['a root and an origin', { ...V2, ...ROOT, TAGSEAL_LOG_ORIGIN: 'x' }, /trustedRootFile .* drop/],
    ['an origin without a key', { ...V2, TAGSEAL_LOG_ORIGIN: 'x' }, /publicKeyFile .* with log\.origin/],
    [
      'a key without an origin',
      { ...V2, TAGSEAL_LOG_PUBLIC_KEY_FILE: 'k' },
      /origin .* with log\.publicKeyFile/,
    ],
    ['tiles of a v1', { ...V1, TAGSEAL_LOG_READ_URL: 'https://t.test' }, /readUrl .* rekor-v2/],
    [
      'a signing config of a v1',
      { ...V1, TAGSEAL_LOG_SIGNING_CONFIG_FILE: 's' },
      /signingConfigFile .* rekor-v2/,
    ],
    ['a signing config and an address', { ...V2, TAGSEAL_LOG_SIGNING_CONFIG_FILE: 's' }, /drop log\.url/],
    ['witnesses of a v1', { ...V1, ...WITNESSES }, /log\.witnesses .* rekor-v2/],
    ['a quorum of more than there are', { ...V2, ...ROOT, TAGSEAL_LOG_WITNESS_QUORUM: '1' }, /at most 0/],
    [
      'a TUF repository of one’s own for the public instance',
      { ...V1, TAGSEAL_TRUST_TUF_URL: 'https://t.test', TAGSEAL_TRUST_TUF_ROOT_FILE: 'r' },
      /log\.url .* must be set with trust\.tufUrl/,
    ],
    ['a TUF address without a root', { TAGSEAL_TRUST_TUF_URL: 'https://t.test' }, /belong together/],
    ['a TUF root without an address', { TAGSEAL_TRUST_TUF_ROOT_FILE: 'r' }, /belong together/],
  ])('refuses %s and says why', (_what, environment, message) => {
    expect(refusal(environment)).toMatch(message);
  });
});

describe('the settings of a keyless signer', () => {
  it('has the public-good Fulcio for a default, and its timestamps where the log gives no time', () => {
    expect(read({ ...V1, ...KEYLESS }).signer).toEqual({
      kind: 'keyless',
      fulcioUrl: 'https://fulcio.sigstore.dev',
      token: { kind: 'file', file: '/token' },
      acceptedKeyFiles: [],
      acceptedIdentities: [],
    });
    expect(read(KEYLESS).signer).toMatchObject({ tsaUrl: 'https://timestamp.sigstore.dev/api/v1/timestamp' });
  });

  it('takes retired keys and identities', () => {
    const { signer } = read({
      TAGSEAL_SIGNER_ACCEPTED_KEY_FILES: 'old.pub, /older.pub',
      TAGSEAL_SIGNER_ACCEPTED_IDENTITIES: '[{"identity":"https://a.test","issuer":"https://i.test"}]',
    });
    expect(signer).toMatchObject({
      acceptedKeyFiles: ['/nowhere/old.pub', '/older.pub'],
      acceptedIdentities: [{ identity: 'https://a.test', issuer: 'https://i.test' }],
    });
  });

  it('reads a token from the variable that is named, and lives without it where nobody signs', () => {
    const keyless = { TAGSEAL_SIGNER_KIND: 'keyless', TAGSEAL_SIGNER_TOKEN_SOURCE: 'environment' };
    expect(read({ ...keyless, SIGSTORE_ID_TOKEN: 't' }).signer).toMatchObject({ token: { token: 't' } });
    const named = { ...keyless, TAGSEAL_SIGNER_TOKEN_VARIABLE: 'MINE', MINE: 'm' };
    expect(read(named).signer).toMatchObject({ token: { variable: 'MINE', token: 'm' } });
    expect(read(keyless).signer).toMatchObject({ token: { token: undefined } });
  });

  it.each<[string, Environment, RegExp]>([
    ['no token', { TAGSEAL_SIGNER_KIND: 'keyless' }, /signer\.tokenFile .* must be set/],
    ['a key file', { ...KEYLESS, TAGSEAL_SIGNER_KEY_FILE: 'k' }, /keyFile .* not for signer\.kind keyless/],
    ['an identity without an issuer', { ...KEYLESS, TAGSEAL_SIGNER_IDENTITY: 'x' }, /issuer .* must be set/],
    ['an issuer without an identity', { ...KEYLESS, TAGSEAL_SIGNER_ISSUER: 'x' }, /identity .* must be set/],
    [
      'a private Fulcio without timestamps on a log without time',
      { ...KEYLESS, TAGSEAL_SIGNER_FULCIO_URL: 'https://fulcio.test' },
      /tsaUrl .* embedded gives no time/,
    ],
    ['a file for another source', { ...KEYLESS, TAGSEAL_SIGNER_TOKEN_SOURCE: 'gcp' }, /tokenFile .* gcp/],
    ['a Fulcio for a key', { TAGSEAL_SIGNER_FULCIO_URL: 'https://f.test' }, /not for signer\.kind key/],
    [
      'an identity with a foreign field',
      { TAGSEAL_SIGNER_ACCEPTED_IDENTITIES: '[{"identity":"a","issuer":"b","c":1}]' },
      /ACCEPTED_IDENTITIES\[0\]: must be \{identity, issuer\}/,
    ],
  ])('refuses %s and says why', (_what, environment, message) => {
    expect(refusal(environment)).toMatch(message);
  });
});

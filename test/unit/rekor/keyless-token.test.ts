import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readClaims } from '../../../src/rekor/keyless/identity-token.ts';
import { makeServiceCall } from '../../../src/rekor/keyless/service-call.ts';
import { makeIdentityToken, type TokenSource } from '../../../src/rekor/keyless/token-sources.ts';
import { fakeToken, ISSUER } from '../../support/fake-fulcio.ts';
import { BAD_LISTENERS, startLoopbackServer, patienceMs } from '../../support/loopback-server.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const SECRET = 'do-not-tell-anybody';
const call = makeServiceCall({});
const SUBJECT = 'system:serviceaccount:tagseal-system:tagseal';

describe('readClaims', () => {
  it('tells issuer, audience, subject and expiry of a token', () => {
    expect(readClaims(fakeToken(), 'a test')).toEqual({
      issuer: ISSUER,
      audience: ['sigstore'],
      subject: SUBJECT,
      expiresAt: Date.UTC(2026, 0, 1, 0, 10),
    });
  });

  it.each([true, 'true'])('takes the e-mail address, verified as %j, for the subject', (verified) => {
    const token = fakeToken({ email: 'me@example.com', email_verified: verified, aud: 'sigstore' });
    expect(readClaims(token, 'a test')).toMatchObject({ subject: 'me@example.com', audience: ['sigstore'] });
  });

  it.each([false, 'false', undefined, 1])(
    'refuses an e-mail address that is verified as %j',
    async (verified) => {
      const token = fakeToken({ email: 'me@example.com', email_verified: verified });
      expect(await codeOf(() => readClaims(token, 'a test'))).toBe('SIGNER_UNAVAILABLE');
    },
  );

  it.each([
    ['no subject', fakeToken({ sub: undefined })],
    ['an empty issuer', fakeToken({ iss: '' })],
    ['no audience', fakeToken({ aud: undefined })],
    ['an expiry beyond all time', fakeToken({ exp: 1e15 })],
    ['an expiry as text', fakeToken({ exp: 'tomorrow' })],
    ['a subject that is no text', fakeToken({ sub: { a: 1 } })],
    ['two parts', 'a.b'],
    ['a line break in it', `${fakeToken()}\nx`],
    ['a payload that is no JSON', 'YQ.YQ.YQ'],
    ['more length than any token', fakeToken({ padding: 'x'.repeat(20_000) })],
    ['a signature longer than any token', `${fakeToken()}${'A'.repeat(20_000)}`],
    ['deep nesting', fakeToken({ deep: JSON.parse(`${'['.repeat(50)}${']'.repeat(50)}`) as unknown })],
  ])('refuses a token with %s', async (_, token) => {
    expect(await codeOf(() => readClaims(token, 'a test'))).toBe('SIGNER_UNAVAILABLE');
  });

  it('throws nothing but our error for junk, and never shows it', async () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(part, part, part), async (parts) => {
        const code = await codeOf(() => readClaims(parts.join('.'), 'a test'));
        expect([undefined, 'SIGNER_UNAVAILABLE']).toContain(code);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a token from a file', () => {
  it('is read anew at each use, without the white space around it', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'token');
    const token = makeIdentityToken({ kind: 'file', file }, call);
    await writeFile(file, 'first\n');
    expect(await token.read(NEVER)).toBe('first');
    await writeFile(file, ' second\r\n');
    expect(await token.read(NEVER)).toBe('second');
    await rm(file);
    expect(await codeOf(() => token.read(NEVER))).toBe('SIGNER_UNAVAILABLE');
  });

  it.each([
    ['empty', ''],
    ['blank', ' \n '],
    ['longer than any token', 'x'.repeat(20_000)],
  ])('is refused when the file is %s', async (_, text) => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'token');
    await writeFile(file, text);
    expect(await codeOf(() => makeIdentityToken({ kind: 'file', file }, call).read(NEVER))).toBe(
      'SIGNER_UNAVAILABLE',
    );
  });

  it.each(['a folder', '/dev/zero'])('is refused when the file is %s', async (path) => {
    await using folder = await makeTempFolder();
    await mkdir(join(folder.path, 'a folder'));
    const file = path.startsWith('/') ? path : join(folder.path, path);
    expect(await codeOf(() => makeIdentityToken({ kind: 'file', file }, call).read(NEVER))).toBe(
      'SIGNER_UNAVAILABLE',
    );
  });

  it('stops when the asker does', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'token');
    await writeFile(file, 'x');
    const token = makeIdentityToken({ kind: 'file', file }, call);
    expect(await codeOf(() => token.read(AbortSignal.abort()))).toBe('DEADLINE_EXCEEDED');
  });
});

describe('a token from the environment', () => {
  const read = (token: string | undefined) =>
    makeIdentityToken({ kind: 'environment', variable: 'ID_TOKEN', token }, call).read(NEVER);

  it('is the value of its variable', async () => {
    expect(await read(' a.b.c\n')).toBe('a.b.c');
  });

  it.each([undefined, '', ' '])('is refused when the variable is %j', async (value) => {
    expect(await codeOf(() => read(value))).toBe('SIGNER_UNAVAILABLE');
  });
});

type Remote = 'github' | 'gcp';
const remotes: readonly Remote[] = ['github', 'gcp'];

function settingsFor(kind: Remote, url: string): TokenSource {
  return kind === 'gcp'
    ? { kind, metadataUrl: url }
    : { kind, requestUrl: `${url}/token?api-version=2.0`, requestToken: SECRET };
}

async function readFrom(kind: Remote, listener: RequestListener, signal = NEVER): Promise<string> {
  await using server = await startLoopbackServer(listener);
  const { dispatcher, url } = server;
  return await makeIdentityToken(
    settingsFor(kind, url),
    makeServiceCall({ dispatcher, timeLimitMs: patienceMs(listener) }),
  ).read(signal);
}

describe('a token from GitHub Actions', () => {
  it('is asked for with the audience sigstore and the secret of the job', async () => {
    const asked: unknown[] = [];
    const token = await readFrom('github', (request, response) => {
      asked.push([request.url, request.headers.authorization]);
      response.end(JSON.stringify({ count: 1, value: 'a.b.c' }));
    });
    expect(token).toBe('a.b.c');
    expect(asked).toEqual([['/token?api-version=2.0&audience=sigstore', `bearer ${SECRET}`]]);
  });

  it.each([{}, { value: 1 }, { value: '' }, [], null])('is refused when the answer is %j', async (answer) => {
    const run = () => readFrom('github', (_, response) => response.end(JSON.stringify(answer)));
    expect(await codeOf(run)).toBe('SIGNER_UNAVAILABLE');
  });

  it.each([
    [undefined, SECRET],
    ['https://token.example.com', undefined],
    ['', ''],
  ])('is refused when address and secret are %j and %j', async (requestUrl, requestToken) => {
    const token = makeIdentityToken({ kind: 'github', requestUrl, requestToken }, call);
    expect(await codeOf(() => token.read(NEVER))).toBe('SIGNER_UNAVAILABLE');
  });

  it.each(['token.example.com', 'file:///etc/passwd', `https://user:${SECRET}@token.example.com`])(
    'is refused when the address is %j',
    async (requestUrl) => {
      const make = () => makeIdentityToken({ kind: 'github', requestUrl, requestToken: SECRET }, call);
      expect(await codeOf(make)).toBe('CONFIG_INVALID');
    },
  );
});

describe('a token from the GCP metadata server', () => {
  it('is asked for with audience, format and flavour', async () => {
    const asked: unknown[] = [];
    const token = await readFrom('gcp', (request, response) => {
      asked.push([request.url, request.headers['metadata-flavor']]);
      response.writeHead(200, { 'metadata-flavor': 'Google' }).end('a.b.c\n');
    });
    expect(token).toBe('a.b.c');
    expect(asked).toEqual([
      [
        '/computeMetadata/v1/instance/service-accounts/default/identity?audience=sigstore&format=full',
        'Google',
      ],
    ]);
  });

  it('is refused when something else answers', async () => {
    const run = () => readFrom('gcp', (_, response) => response.end('a.b.c'));
    expect(await codeOf(run)).toBe('SIGNER_UNAVAILABLE');
  });

  it('is refused when the machine has no service account', async () => {
    const run = () => readFrom('gcp', (_, response) => response.writeHead(404).end());
    await expect(run()).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE', retryAfterSeconds: 30 });
  });
});

describe.each(remotes)('a token from %s', (kind) => {
  it.each(Object.keys(BAD_LISTENERS))('is refused for %s, without a secret in the message', async (name) => {
    const error: unknown = await readFrom(kind, BAD_LISTENERS[name] ?? (() => undefined)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
    expect(String(error)).not.toContain(SECRET);
  });

  it('stops when the asker does', async () => {
    const asker = new AbortController();
    const run = () =>
      readFrom(
        kind,
        () => {
          asker.abort();
        },
        asker.signal,
      );
    expect(await codeOf(run)).toBe('DEADLINE_EXCEEDED');
  });

  it('waits as long as a busy server asks', async () => {
    const busy: RequestListener = (_, response) => response.writeHead(429, { 'retry-after': '77' }).end();
    await expect(readFrom(kind, busy)).rejects.toMatchObject({ retryAfterSeconds: 77 });
  });
});

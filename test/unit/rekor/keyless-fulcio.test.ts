import { generateKeyPairSync } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { makeFulcio } from '../../../src/rekor/keyless/fulcio.ts';
import { makeServiceCall } from '../../../src/rekor/keyless/service-call.ts';
import type { SigningCertificate } from '../../../src/rekor/keyless/signing-certificate.ts';
import {
  fakeToken,
  IDENTITY,
  ISSUER,
  makeFakeFulcio,
  type CertificateWish,
} from '../../support/fake-fulcio.ts';
import { BAD_LISTENERS, startLoopbackServer, patienceMs } from '../../support/loopback-server.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const clock = makeManualClock();
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = ({ publicKey }: ReturnType<typeof newKey>) =>
  publicKey.export({ type: 'spki', format: 'pem' }).toString();

interface Attempt {
  readonly token?: string;
  readonly path?: string;
  readonly signal?: AbortSignal;
}

async function certifyAt(listener: RequestListener, attempt: Attempt = {}): Promise<SigningCertificate> {
  await using server = await startLoopbackServer(listener);
  const fulcio = makeFulcio({
    url: `${server.url}${attempt.path ?? ''}`,
    token: { source: 'a test', read: async () => attempt.token ?? fakeToken() },
    call: makeServiceCall({ dispatcher: server.dispatcher, timeLimitMs: patienceMs(listener) }),
    clock,
  });
  return await fulcio.certify(newKey().privateKey, attempt.signal ?? NEVER);
}

const answering =
  (body: unknown, status = 200): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(JSON.stringify(body));

describe('makeFulcio', () => {
  it('gets a certificate for our key, with whom it is for and how long', async () => {
    const { listener, requests } = await makeFakeFulcio({ clock });
    expect(await certifyAt(listener)).toMatchObject({
      identity: IDENTITY,
      issuer: ISSUER,
      notBefore: clock.now(),
      notAfter: clock.now() + 600_000,
    });
    expect(requests).toHaveLength(1);
  });

  it('proves possession over the e-mail address where the token has one', async () => {
    const fake = await makeFakeFulcio({ clock });
    fake.next = { names: [{ type: 'email', value: 'me@example.com' }] };
    const token = fakeToken({ email: 'me@example.com', email_verified: true });
    expect((await certifyAt(fake.listener, { token })).identity).toBe('me@example.com');
  });

  it.each(['/', '/base', '/base/'])('asks below the path %j of its address', async (path) => {
    const paths: (string | undefined)[] = [];
    const run = () =>
      certifyAt(
        (request, response) => {
          paths.push(request.url);
          response.writeHead(503).end();
        },
        { path },
      );
    expect(await codeOf(run)).toBe('SIGNER_UNAVAILABLE');
    expect(paths).toEqual([`${path.replace(/\/$/, '')}/api/v2/signingCert`]);
  });

  it('takes the form without a CT log', async () => {
    const fake = await makeFakeFulcio({ clock });
    fake.detachedSct = '';
    expect((await certifyAt(fake.listener)).identity).toBe(IDENTITY);
  });

  it('refuses the form whose CT proof no bundle has room for, and says so', async () => {
    const fake = await makeFakeFulcio({ clock });
    fake.detachedSct = 'e30=';
    await expect(certifyAt(fake.listener)).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
      message: expect.stringMatching(/embedded SCT/),
    });
  });

  const BAD_CERTIFICATES: readonly (readonly [string, Partial<CertificateWish>])[] = [
    ['for another key', { publicKey: pemOf(newKey()) }],
    [
      'for a key on another curve',
      {
        publicKey: generateKeyPairSync('ec', { namedCurve: 'P-384' })
          .publicKey.export({ type: 'spki', format: 'pem' })
          .toString(),
      },
    ],
    ['without a name', { names: [] }],
    ['with an empty name', { names: [{ type: 'url', value: '' }] }],
    ['with a DNS name', { names: [{ type: 'dns', value: 'tagseal.example.com' }] }],
    [
      'with two names',
      {
        names: [
          { type: 'url', value: IDENTITY },
          { type: 'url', value: `${IDENTITY}2` },
        ],
      },
    ],
    ['that does not name the issuer of the token', { issuer: undefined }],
    ['with an issuer outside ASCII', { issuer: 'https://issuer.example.com/ü' }],
    ['that ends before it begins', { lifetimeMs: -1_000 }],
  ];

  it.each(BAD_CERTIFICATES)('refuses a certificate %s', async (_, wish) => {
    const fake = await makeFakeFulcio({ clock });
    fake.next = wish;
    expect(await codeOf(() => certifyAt(fake.listener))).toBe('SIGNER_UNAVAILABLE');
  });

  it.each([
    {},
    [],
    null,
    { signedCertificateEmbeddedSct: {} },
    { signedCertificateEmbeddedSct: { chain: { certificates: [] } } },
    { signedCertificateEmbeddedSct: { chain: { certificates: ['x'] } } },
    { signedCertificateEmbeddedSct: { chain: { certificates: [1] } } },
    { signedCertificateEmbeddedSct: { chain: { certificates: Array.from({ length: 11 }, () => 'x') } } },
  ])('refuses the answer %j', async (body) => {
    expect(await codeOf(() => certifyAt(answering(body)))).toBe('SIGNER_UNAVAILABLE');
  });

  it.each(Object.keys(BAD_LISTENERS))('refuses %s, without the token in the message', async (name) => {
    const error: unknown = await certifyAt(BAD_LISTENERS[name] ?? (() => undefined)).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
    expect(String(error)).not.toContain(fakeToken().split('.')[1]);
  });

  it('reads no more of an endless answer than a certificate can have', async () => {
    await expect(certifyAt(BAD_LISTENERS['an endless answer'] ?? (() => undefined))).rejects.toMatchObject({
      message: expect.stringMatching(/longer than 131072 bytes/),
    });
  });

  it.each([400, 401, 403])('explains a refusal of status %d by the claims of the token', async (status) => {
    const refusing = answering({ code: 3, message: 'no such token' }, status);
    await expect(certifyAt(refusing, { token: fakeToken({ aud: 'elsewhere' }) })).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
      retryAfterSeconds: 30,
      message: expect.stringMatching(
        /"no such token".*"https:\/\/issuer\.example\.com".*"elsewhere".*a test/,
      ),
    });
    const expired = fakeToken({ exp: clock.now() / 1000 - 1 });
    await expect(certifyAt(refusing, { token: expired })).rejects.toMatchObject({
      message: expect.stringMatching(/expired at 2025-12-31T23:59:59/),
    });
  });

  it.each([429, 500, 503])('calls status %d an outage, and waits as asked', async (status) => {
    const busy: RequestListener = (_, response) => response.writeHead(status, { 'retry-after': '9' }).end();
    await expect(certifyAt(busy)).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE', retryAfterSeconds: 9 });
  });

  it('reports a server that is not there', async () => {
    const fulcio = makeFulcio({
      url: 'http://127.0.0.1:1',
      token: { source: 'a test', read: async () => fakeToken() },
      call: makeServiceCall({}),
      clock,
    });
    expect(await codeOf(() => fulcio.certify(newKey().privateKey, NEVER))).toBe('SIGNER_UNAVAILABLE');
  });

  it('stops when the asker does', async () => {
    const asker = new AbortController();
    const { signal } = asker;
    const run = () =>
      certifyAt(
        () => {
          asker.abort();
        },
        { signal },
      );
    expect(await codeOf(run)).toBe('DEADLINE_EXCEEDED');
  });

  it.each(['', 'fulcio.example.com', 'ftp://fulcio.example.com', 'https://u:p@fulcio.example.com'])(
    'refuses the address %j',
    async (url) => {
      const token = { source: 'a test', read: async () => fakeToken() };
      const make = () => makeFulcio({ url, token, call: makeServiceCall({}), clock });
      expect(await codeOf(make)).toBe('CONFIG_INVALID');
    },
  );
});

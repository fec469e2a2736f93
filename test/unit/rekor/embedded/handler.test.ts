import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { entryParts, requestV2 } from '../../../../src/rekor/entry.ts';
import { parseLogEntry } from '../../../../src/rekor/log-entry.ts';
import type { LogResponse } from '../../../../src/rekor/transport.ts';
import { startEmbeddedLog } from '../../../support/test-log.ts';
import { makeTestSigner, NEVER, signedStatement } from '../../../support/test-signer.ts';

const signed = await signedStatement();
const { spki } = makeTestSigner();
const good = requestOf(entryParts(signed).digest, signed.signature, { publicKey: { rawBytes: spki } });

function requestOf(digest: string, content: string, key: object, keyDetails = 'PKIX_ECDSA_P256_SHA_256') {
  return { hashedRekordRequestV002: { digest, signature: { content, verifier: { keyDetails, ...key } } } };
}

function signedBy(namedCurve: string): object {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const rawBytes = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const content = createSign('sha256').update('x').sign(privateKey).toString('base64');
  return requestOf(createHash('sha256').update('x').digest('base64'), content, { publicKey: { rawBytes } });
}

const { hashedRekordRequestV002: inner } = good;
const zeroes = Buffer.alloc(32).toString('base64');
const BAD_REQUESTS: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  'an empty object': {},
  'a list': [],
  'the request type of Rekor v1': { apiVersion: '0.0.1', kind: 'hashedrekord', spec: {} },
  'an unknown field': { ...good, more: 1 },
  'an unknown field inside': { hashedRekordRequestV002: { ...inner, more: 1 } },
  'a dsse request': { dsseRequestV002: {} },
  'another digest than the signed one': requestOf(zeroes, signed.signature, {
    publicKey: { rawBytes: spki },
  }),
  'a short digest': requestOf('AAAA', signed.signature, { publicKey: { rawBytes: spki } }),
  'no signature': requestOf(inner.digest, '', { publicKey: { rawBytes: spki } }),
  'a signature that is none': requestOf(inner.digest, 'AAAA', { publicKey: { rawBytes: spki } }),
  'a key that is none': requestOf(inner.digest, signed.signature, { publicKey: { rawBytes: 'AAAA' } }),
  'a certificate that is none': requestOf(inner.digest, signed.signature, {
    x509Certificate: { rawBytes: 'AAAA' },
  }),
  'key and certificate': requestOf(inner.digest, signed.signature, {
    publicKey: { rawBytes: spki },
    x509Certificate: { rawBytes: 'AAAA' },
  }),
  'no key': requestOf(inner.digest, signed.signature, {}),
  'a key of another type': requestOf(
    inner.digest,
    signed.signature,
    { publicKey: { rawBytes: spki } },
    'PKIX_ED25519',
  ),
  'a P-384 key': signedBy('P-384'),
  'a secp256k1 key': signedBy('secp256k1'),
  'base64 with spaces': requestOf(` ${inner.digest}`, signed.signature, { publicKey: { rawBytes: spki } }),
  'a body longer than any request': { ...good, pad: 'x'.repeat(40_000) },
};

const HIDDEN_PATHS = [
  '/',
  '/api/v2',
  '/api/v2/',
  '/api/v2/log',
  '/api/v2/tile/0/001',
  '/api/v2/tile/0/000',
  '/api/v2/tile/0/000.p/9',
  '/api/v2/tile/1/000.p/1',
  '/api/v2/tile/../../key.pem',
  '/api/v2/../key.pem',
  '/api/v2/key.pem',
  '/api/v2/lock',
  '/api/v2/checkpoint/',
  '/api/v2/checkpoint?x',
  '/key.pem',
];

describe('the embedded log', () => {
  let log: Awaited<ReturnType<typeof startEmbeddedLog>>;
  beforeAll(async () => {
    log = await startEmbeddedLog();
    await post(good);
  });
  afterAll(async () => log[Symbol.asyncDispose]());

  const send = (method: 'GET' | 'POST', path: string, body?: Uint8Array): Promise<LogResponse> =>
    log.log.transport({
      method,
      path,
      maxBytes: 1e6,
      signal: NEVER,
      ...(body === undefined ? {} : { body }),
    });
  const post = (body: unknown) =>
    send('POST', '/api/v2/log/entries', Buffer.from(body === undefined ? '' : JSON.stringify(body)));

  it('takes the request that the client sends', async () => {
    expect(good).toEqual(requestV2(entryParts(signed)));
    const next = await post(requestV2(entryParts(await signedStatement('next'))));
    expect(next.status).toBe(201);
    expect(parseLogEntry(JSON.parse(Buffer.from(next.body).toString())).logIndex).toBe(1);
    await post(requestV2(entryParts(await signedStatement('next'))));
  });

  it('answers the same request again with 409 and where the entry stands', async () => {
    const answer = await post(good);
    expect([answer.status, answer.headers['x-log-index']]).toEqual([409, '0']);
    expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({ code: 6 });
  });

  it.each(Object.entries(BAD_REQUESTS))('refuses %s', async (_, body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(Buffer.from(answer.body).toString())).toMatchObject({ code: 3, details: [] });
  });

  it('refuses junk, whatever it is', async () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(junk, async (body) => {
        expect((await send('POST', '/api/v2/log/entries', body)).status).toBe(400);
      }),
      { numRuns: 100 },
    );
  });

  it.each(HIDDEN_PATHS)('has nothing at %j', async (path) => {
    expect((await send('GET', path)).status).toBe(404);
  });

  it('takes no other method', async () => {
    expect((await send('GET', '/api/v2/log/entries')).status).toBe(501);
    expect((await send('POST', '/api/v2/checkpoint')).status).toBe(404);
  });

  it('hides what is on the disk and not yet signed', async () => {
    const ahead = log.log.published().treeSize + 1;
    await writeFile(join(log.dir, `tiles/tile/0/000.p/${ahead}`), 'unsigned');
    expect((await send('GET', `/api/v2/tile/0/000.p/${ahead}`)).status).toBe(404);
    expect((await send('GET', `/api/v2/tile/0/000.p/${ahead - 1}`)).status).toBe(200);
  });

  it('says so when it cannot read a file, and goes on', async () => {
    await using broken = await startEmbeddedLog();
    await broken.client.submit(signed, NEVER);
    const file = join(broken.dir, 'tiles/tile/entries/000.p/1');
    await rm(file);
    await mkdir(file);
    await expect(broken.client.bundleAt(0, signed, NEVER)).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
      message: expect.stringMatching(/answered 503 "cannot read tiles\/tile\/entries\/000\.p\/1: EISDIR/),
    });
    expect((await broken.client.submit(await signedStatement('next'), NEVER)).outcome).toBe('created');
  });

  it('stops writing once another process has written to its folder', async () => {
    await using other = await startEmbeddedLog();
    await writeFile(join(other.dir, 'lock'), JSON.stringify({ pid: process.pid, token: 'another' }));
    const request = {
      path: '/api/v2/log/entries',
      body: Buffer.from(JSON.stringify(good)),
      maxBytes: 1e6,
      signal: NEVER,
    };
    expect((await other.log.transport({ ...request, method: 'POST' })).status).toBe(503);
    expect(other.log.published().treeSize).toBe(0);
  });
});

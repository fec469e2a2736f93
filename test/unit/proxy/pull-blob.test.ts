import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { call } from '../../support/http-call.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const PATH = `/v2/ghcr.io/acme/api/blobs/${digestOfA}`;
const setup = () => proxySetup(scriptedCheck({}).checkImage);

/** Endless, and counts what was taken from it. */
function endless(): { readonly body: Readable; readonly taken: () => number } {
  let taken = 0;
  const body = new Readable({
    read() {
      taken += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  return { body, taken: () => taken };
}

describe('a blob', () => {
  it('is streamed with the headers on the allow list', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: {
        'content-length': '4',
        'content-type': 'application/gzip',
        'accept-ranges': 'bytes',
        'set-cookie': 'secret=1',
        server: 'nginx',
        connection: 'upgrade',
      },
      body: Readable.from([Buffer.from('blob')]),
    });
    const { status, headers, text } = await call(proxy.url, PATH);
    expect({ status, text }).toEqual({ status: 200, text: 'blob' });
    expect(headers).toMatchObject({ 'content-type': 'application/gzip', 'accept-ranges': 'bytes' });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(headers).not.toHaveProperty('server');
    expect(headers.connection).not.toBe('upgrade');
  });

  it('passes Range and If-Range on, and no other header', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 206,
      headers: { 'content-range': 'bytes 0-1/4', 'content-length': '2' },
      body: Readable.from([Buffer.from('bl')]),
    });
    const headers = { range: 'bytes=0-1', 'if-range': '"x"', authorization: 'Bearer secret', cookie: 'a=b' };
    const answer = await call(proxy.url, PATH, { headers });
    expect(answer).toMatchObject({ status: 206, text: 'bl', headers: { 'content-range': 'bytes 0-1/4' } });
    expect(proxy.upstream.blobCalls).toEqual([
      {
        registry: 'ghcr.io',
        repository: 'acme/api',
        digest: digestOfA,
        method: 'GET',
        headers: { range: 'bytes=0-1', 'if-range': '"x"' },
      },
    ]);
  });

  it.each([
    { method: 'HEAD', range: 'bytes=0-1' },
    { method: 'GET', range: 'lines=0-1' },
  ])('is whole for a $method of $range', async ({ method, range }) => {
    await using proxy = await setup();
    const answer = await call(proxy.url, PATH, { method, headers: { range, 'if-range': '"x"' } });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '4' } });
    expect(proxy.upstream.blobCalls.map(({ headers }) => headers)).toEqual([{}]);
  });

  it('without the range that was asked for is a 416 with its length, and not in the words of the registry', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 416,
      headers: {
        'content-range': 'bytes */4',
        'content-type': 'text/plain',
        'docker-content-digest': digestOfA,
      },
      body: Readable.from([Buffer.from('<b>no</b>')]),
    });
    const { status, headers, text } = await call(proxy.url, PATH, { headers: { range: 'bytes=9-' } });
    expect({ status, text }).toEqual({ status: 416, text: expect.stringContaining('"code":"UNSUPPORTED"') });
    expect(headers).toMatchObject({ 'content-range': 'bytes */4', 'content-type': 'application/json' });
    expect(headers).not.toHaveProperty('docker-content-digest');
  });

  it('that the upstream redirects is redirected with 307', async () => {
    await using proxy = await setup();
    const location = 'https://blobs.example.com/x?sig=abc';
    proxy.upstream.blobAnswer = async () => ({ kind: 'redirect', location });
    expect(await call(proxy.url, PATH)).toMatchObject({ status: 307, headers: { location } });
  });

  it.each([
    'ftp://example.com/',
    'javascript:alert(1)',
    '/relative',
    'https://user:pw@example.com/',
    'x\r\ny',
  ])('is not redirected to %j', async (location) => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({ kind: 'redirect', location });
    const answer = await call(proxy.url, PATH);
    expect(answer.status).toBe(502);
    expect(answer.headers).not.toHaveProperty('location');
  });

  it('is asked for by HEAD without a body', async () => {
    await using proxy = await setup();
    const { body } = endless();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: { 'content-length': '1000000' },
      body,
    });
    const answer = await call(proxy.url, PATH, { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-length': '1000000' } });
    expect(proxy.upstream.blobCalls).toMatchObject([{ method: 'HEAD' }]);
    expect(body.destroyed).toBe(true);
  });

  it('that is unknown is a 404', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = () => Promise.reject(new AppError({ code: 'BLOB_UNKNOWN', message: 'none' }));
    const answer = await call(proxy.url, PATH);
    expect(answer.status).toBe(404);
    expect(answer.text).toContain('"BLOB_UNKNOWN"');
  });

  it('is left alone by the upstream when the client goes away, and frees its place', async () => {
    await using proxy = await setup();
    const streams = [endless(), endless(), endless()];
    let next = 0;
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: {},
      body: streams[next++]?.body ?? Readable.from([]),
    });
    for (const { body } of streams) {
      const request = http.get(`${proxy.url}${PATH}`, { agent: false });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const closed = new Promise((resolve) => body.once('close', resolve));
      response.destroy();
      await closed;
      expect(body.destroyed).toBe(true);
    }
  });

  it('is taken from the upstream no faster than the client reads', async () => {
    await using proxy = await setup();
    const { body, taken } = endless();
    proxy.upstream.blobAnswer = async () => ({ kind: 'stream', status: 200, headers: {}, body });
    const request = http.get(`${proxy.url}${PATH}`, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.pause();
    // without back-pressure an endless stream would never let the loop go idle at a steady amount
    let before = -1;
    while (taken() !== before) {
      before = taken();
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken()).toBeLessThan(64 * 1024 * 1024);
    response.destroy();
  });

  it('cuts the connection when the upstream breaks off, so that nobody takes it for whole', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: {},
      body: Readable.from(
        (async function* () {
          yield Buffer.from('half');
          throw new AppError({ code: 'REGISTRY_UNAVAILABLE', message: 'gone' });
        })(),
      ),
    });
    await expect(call(proxy.url, PATH)).rejects.toThrow(/aborted|hang up/);
  });

  it('is refused for now when too many are being streamed', async () => {
    await using proxy = await setup();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: {},
      body: endless().body,
    });
    const open = await Promise.all(
      [1, 2].map(async () => {
        const request = http.get(`${proxy.url}${PATH}`, { agent: false });
        const [response] = (await once(request, 'response')) as [http.IncomingMessage];
        return response.pause();
      }),
    );
    expect(await call(proxy.url, PATH)).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    for (const response of open) response.destroy();
  });
});

describe('a blob that is verified', () => {
  const text = 'a layer of an image';
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const path = `/v2/ghcr.io/acme/api/blobs/${digest}`;
  const length = { 'content-length': String(text.length) };
  const other = text.replace('image', 'enemy');

  async function pulled(body: readonly string[], { status = 200, headers = {} } = {}) {
    await using proxy = await proxySetup(scriptedCheck({}).checkImage, { verifyBlobs: true });
    const pieces = body.map((piece) => Buffer.from(piece));
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: status === 206 ? 206 : 200,
      headers,
      body: Readable.from(pieces),
    });
    const request = http.get(`${proxy.url}${path}`, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let got = '';
    response.setEncoding('utf8').on('data', (piece: string) => (got += piece));
    const isWhole = await new Promise((resolve) => {
      response.on('end', () => resolve(response.complete)).on('error', () => resolve(false));
    });
    return { got, isWhole };
  }

  it.each([
    ['of announced length', length],
    ['of any length', {}],
  ])('arrives whole with its digest, %s', async (_what, headers) => {
    expect(await pulled(['a layer ', 'of an image'], { headers })).toEqual({ got: text, isWhole: true });
  });

  it('is cut before its last piece when it has another digest', async () => {
    const { got, isWhole } = await pulled([other.slice(0, 8), other.slice(8)], { headers: length });
    expect(isWhole).toBe(false);
    expect(other.slice(0, 8)).toContain(got);
  });

  it('is cut before its end when it has another digest, and no length was announced', async () => {
    expect(await pulled([other])).toMatchObject({ isWhole: false });
  });

  it('is cut when there is nothing of it', async () => {
    await expect(pulled([], { headers: { 'content-length': '0' } })).rejects.toThrow();
  });

  it('is not verified in parts, which have no digest', async () => {
    expect(await pulled(['layer'], { status: 206, headers: { 'content-length': '5' } })).toEqual({
      got: 'layer',
      isWhole: true,
    });
  });
});

import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { call } from '../../support/http-call.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { moved, scriptedCheck } from '../../support/verdicts.ts';

const PATH = '/v2/alpine/manifests/3.16.0';
const setup = () => proxySetup(scriptedCheck({}, moved).checkImage);

describe('the proxy', () => {
  it.each(['/v2/', '/v2'])('answers the ping at %s', async (path) => {
    await using proxy = await setup();
    const answer = await call(proxy.url, path);
    expect(answer).toMatchObject({
      status: 200,
      text: '{}',
      headers: { 'docker-distribution-api-version': 'registry/2.0', 'content-type': 'application/json' },
    });
  });

  it('refuses a request with two Host headers', async () => {
    await using proxy = await setup();
    const { hostname, port } = new URL(proxy.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${PATH} HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const piece of socket.setEncoding('utf8') as AsyncIterable<string>) text += piece;
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*"code":"UNSUPPORTED","message":"the request names two hosts/);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'refuses %s with 405 before it reads a body',
    async (method) => {
      await using proxy = await setup();
      const answer = await call(proxy.url, PATH, { method, body: 'x', headers: { 'content-length': 1 } });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
      expect(answer.text).toContain('"UNSUPPORTED"');
    },
  );

  it.each([{ 'content-length': 1 }, { 'transfer-encoding': 'chunked' }])(
    'refuses a pull with a body: %j',
    async (headers) => {
      await using proxy = await setup();
      expect((await call(proxy.url, PATH, { headers, body: 'x' })).status).toBe(400);
    },
  );

  it.each([
    '/v2/evil.example.com/x/manifests/v1',
    `/v2/evil.example.com/x/manifests/${digestOfA}`,
    `/v2/169.254.169.254/x/blobs/${digestOfA}`,
    '/v2/x/manifests/v1?ns=evil.example.com',
    '/v2/localhost_5001/x/manifests/v1',
  ])('refuses a registry that is not allowed, and names the setting: %s', async (path) => {
    const check = scriptedCheck({});
    await using proxy = await proxySetup(check.checkImage);
    const answer = await call(proxy.url, path);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('"DENIED"');
    expect(answer.text).toContain('registries.allow');
    expect(check.calls).toEqual([]);
    expect(proxy.upstream.calls).toEqual([]);
  });

  it.each([
    ['/v2/Alpine/manifests/3', 400, 'NAME_INVALID'],
    ['/v2/alpine/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
    ['/v2/alpine/manifests/-x', 400, 'MANIFEST_INVALID'],
    ['/v2/_catalog', 404, 'UNSUPPORTED'],
    ['/v2/alpine/tags/list?n=-1', 400, 'UNSUPPORTED'],
    ['/v2/alpine/tags/list?n=10001', 400, 'UNSUPPORTED'],
    [`/v2/alpine/referrers/${digestOfA}?artifactType=x`, 400, 'UNSUPPORTED'],
    ['/v2/ghcr.io/tags/list', 400, 'NAME_INVALID'],
    ['/favicon.ico', 404, 'UNSUPPORTED'],
    ['/v2/%', 404, 'UNSUPPORTED'],
    ['/v2/alpine/manifests/%E0%A4%A', 400, 'MANIFEST_INVALID'],
  ])('answers %s with %i %s', async (path, status, code) => {
    await using proxy = await setup();
    const answer = await call(proxy.url, path);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(`"${code}"`);
  });

  it('withholds the text of an error that nobody foresaw, and logs it under the id that it tells', async () => {
    await using proxy = await proxySetup(() => Promise.reject(new TypeError('secret detail')));
    const answer = await call(proxy.url, PATH);
    expect(answer.status).toBe(500);
    expect(answer.text).toContain('request-1');
    expect(answer.text).not.toContain('secret detail');
    expect(proxy.lines()).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'pull.failed', id: 'request-1' }),
    );
  });

  it('answers 504 when nobody answers it in time, and aborts what it asked', async () => {
    const aborted = Promise.withResolvers<unknown>();
    await using proxy = await proxySetup(
      (_text, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve(signal.reason);
            reject(signal.reason as Error);
          });
        }),
      { timeoutMs: 20 },
    );
    expect(await call(proxy.url, PATH)).toMatchObject({ status: 504, headers: { 'retry-after': '5' } });
    expect(await aborted.promise).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('aborts the check when the client goes away', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    await using proxy = await proxySetup(
      (_text, { signal }) =>
        new Promise((_resolve, reject) => {
          asked.resolve(signal);
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    const request = http.get(`${proxy.url}${PATH}`, { agent: false });
    request.on('error', () => undefined);
    const signal = await asked.promise;
    const aborted = once(signal, 'abort');
    request.destroy();
    await aborted;
    expect(signal.aborted).toBe(true);
  });

  it('logs one line for a refused pull and counts it', async () => {
    await using proxy = await setup();
    await call(proxy.url, PATH);
    expect(proxy.lines()).toMatchObject([
      {
        level: 'info',
        event: 'pull.answered',
        kind: 'manifest-tag',
        reference: 'docker.io/library/alpine:3.16.0',
        verdict: 'deny',
        reason: 'TAG_MOVED',
        status: 403,
      },
    ]);
    const text = await proxy.exposition();
    expect(text).toContain('tagseal_proxy_requests_total{kind="manifest-tag",status="403"} 1');
    expect(text).toContain('tagseal_verdicts_total{door="proxy",verdict="deny",reason="TAG_MOVED"} 1');
  });

  it('logs a pull that an outage refused at warn', async () => {
    const denial = { reason: 'LOG_UNAVAILABLE', message: 'the log is down' } as const;
    await using proxy = await proxySetup(async () => ({ kind: 'deny', denial }));
    await call(proxy.url, PATH);
    expect(proxy.lines()).toMatchObject([
      { level: 'warn', event: 'pull.answered', reason: 'LOG_UNAVAILABLE' },
    ]);
  });

  it('answers any path and header with an error in JSON, and serves nothing', async () => {
    await using proxy = await setup();
    const agent = new http.Agent({ keepAlive: true });
    const piece = fc.constantFrom(
      'v2',
      'alpine',
      'manifests',
      'blobs',
      '..',
      '%2e',
      '%00',
      'a:b',
      '@',
      '?ns=',
      '&',
      '',
    );
    const path = fc.array(fc.oneof(piece, fc.stringMatching(/^[!-~]{0,5}$/)), { maxLength: 8 });
    const headers = fc.dictionary(
      fc.constantFrom('accept', 'range', 'if-range', 'x-forwarded-host', 'referer'),
      fc.stringMatching(/^[ -~]{0,20}$/),
    );
    await fc.assert(
      fc.asyncProperty(path, headers, fc.constantFrom('GET', 'HEAD'), async (parts, sent, method) => {
        const answer = await call(proxy.url, `/${parts.join('/')}`, { method, headers: sent, agent });
        if (answer.status === 200 && answer.text === '{}') return;
        if (method === 'GET') expect(JSON.parse(answer.text)).toHaveProperty('errors');
        expect(proxy.upstream.calls).toEqual([]);
      }),
      { numRuns: 800 },
    );
    agent.destroy();
  });

  it('survives what is not HTTP', async () => {
    await using proxy = await setup();
    const socket = connect(proxy.server.port, proxy.server.host);
    socket.write('\u0000\u0001 GET /v2/\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 400 /);
    socket.destroy();
    expect((await call(proxy.url, '/v2/')).status).toBe(200);
  });
});

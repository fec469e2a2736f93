import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'undici';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { makeUndiciTransport, openUndiciTransport } from '../../../src/rekor/undici-transport.ts';
import type { LogRequest } from '../../../src/rekor/transport.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const READ: LogRequest = { method: 'GET', path: '/api/v2/checkpoint', maxBytes: 1_000, signal: NEVER };
const WRITE: LogRequest = { ...READ, method: 'POST', path: '/api/v2/log/entries', body: Buffer.from('{}') };
const SHORT = { writeMs: 50, readMs: 50 };

describe('makeUndiciTransport', () => {
  const open: (() => Promise<void>)[] = [];

  async function serve(listener: RequestListener, timeLimits = { writeMs: 5_000, readMs: 5_000 }) {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const dispatcher = new Agent();
    open.push(async () => {
      await dispatcher.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return makeUndiciTransport({
      baseUrl: `http://127.0.0.1:${portOf(server)}/base/`,
      dispatcher,
      timeLimits,
    });
  }

  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  it('gives status, headers in lower case and body, below the path of its url', async () => {
    const transport = await serve((request, response) => {
      response.writeHead(409, { 'X-Log-Index': '7' }).end(`${request.method ?? ''} ${request.url ?? ''}`);
    });
    const answer = await transport(READ);
    expect([answer.status, answer.headers['x-log-index'], Buffer.from(answer.body).toString()]).toEqual([
      409,
      '7',
      'GET /base/api/v2/checkpoint',
    ]);
  });

  it('sends the bytes of a write', async () => {
    const transport = await serve((request, response) => request.pipe(response));
    expect(Buffer.from((await transport(WRITE)).body).toString()).toBe('{}');
  });

  it('follows no redirect', async () => {
    const paths: (string | undefined)[] = [];
    const transport = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect((await transport(READ)).status).toBe(307);
    expect(paths).toEqual(['/base/api/v2/checkpoint']);
  });

  it('stops an endless answer', async () => {
    const transport = await serve((_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(500)));
        response.once('drain', more);
      };
      more();
    });
    await expect(transport(READ)).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
      cause: { message: expect.stringMatching(/longer than 1000 bytes/) },
    });
  });

  it.each([
    [1_000, { length: 1_000 }],
    [1_001, { length: 0, isCut: true }],
  ])('gives of an answer of %d bytes that may be cut %j', async (length, expected) => {
    const transport = await serve((_, response) => response.end(Buffer.alloc(length)));
    const { body, isCut } = await transport({ ...READ, mayBeCut: true });
    expect({ length: body.length, ...(isCut !== undefined && { isCut }) }).toEqual(expected);
  });

  it.each([
    ['read', READ],
    ['write', WRITE],
  ])('gives up a %s after its time limit', async (_, request) => {
    const transport = await serve(() => undefined, SHORT);
    expect(await codeOf(() => transport(request))).toBe('LOG_UNAVAILABLE');
  });

  it('stops when the asker does', async () => {
    const deadline = new AbortController();
    const transport = await serve(() => {
      deadline.abort();
    });
    expect(await codeOf(() => transport({ ...READ, signal: deadline.signal }))).toBe('DEADLINE_EXCEEDED');
  });

  it('sends the same bytes once more on a broken connection', async () => {
    let calls = 0;
    const transport = await serve((request, response) => {
      calls += 1;
      if (calls === 1) request.socket.destroy();
      else request.pipe(response);
    });
    expect(Buffer.from((await transport(WRITE)).body).toString()).toBe('{}');
  });

  it('reports a log that breaks off every time', async () => {
    const transport = await serve((request) => request.socket.destroy());
    expect(await codeOf(() => transport(WRITE))).toBe('LOG_UNAVAILABLE');
  });

  it('reports a log that is not there', async () => {
    const transport = makeUndiciTransport({ baseUrl: 'http://127.0.0.1:1' });
    expect(await codeOf(() => transport(READ))).toBe('LOG_UNAVAILABLE');
  });

  it.each([
    '',
    'rekor.example.com',
    'ftp://rekor.example.com',
    'https://user:pw@rekor.example.com',
    'https://a.example/?x=1',
    'https://a.example/#x',
  ])('refuses %j as its url', async (baseUrl) => {
    expect(await codeOf(() => makeUndiciTransport({ baseUrl }))).toBe('CONFIG_INVALID');
  });
});

describe('openUndiciTransport', () => {
  it('trusts the certificates that it is given, and without them no stranger', async () => {
    const authority = await makeAuthority({ lifetimeMs: 60_000, now: Date.now() });
    const leaf = await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: 60_000, now: Date.now() });
    const server = createTlsServer({ cert: leaf.cert, key: leaf.key }, (_, response) => response.end('yes'));
    await using baseUrl = await listen(server, 'https');
    const good = openUndiciTransport({ baseUrl: baseUrl.url, ca: authority.cert });
    const bad = openUndiciTransport({ baseUrl: baseUrl.url });
    const codes = [await codeOf(() => good.transport(READ)), await codeOf(() => bad.transport(READ))];
    await Promise.all([good.close(), bad.close()]);
    expect(codes).toEqual([undefined, 'LOG_UNAVAILABLE']);
  });

  it('opens no more connections than it may, and closes them', async () => {
    const held: (() => void)[] = [];
    let [sockets, closed] = [0, 0];
    const server = createServer((_, response) => void held.push(() => response.end('yes')));
    server.on('connection', (socket) => {
      sockets += 1;
      socket.once('close', () => (closed += 1));
    });
    await using baseUrl = await listen(server, 'http');
    const { transport, ...opened } = openUndiciTransport({ baseUrl: baseUrl.url, connections: 2 });
    const answers = Promise.all(Array.from({ length: 6 }, async () => transport(READ)));
    let answered = 0;
    while (answered < 6) {
      await new Promise(setImmediate);
      for (const release of held.splice(0)) {
        release();
        answered += 1;
      }
    }
    await answers;
    await opened.close();
    while (closed < sockets) await new Promise(setImmediate);
    expect(sockets).toBe(2);
    expect(await codeOf(() => transport(READ))).toBe('LOG_UNAVAILABLE');
  });

  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'refuses %j as certificates',
    async (ca) => {
      expect(await codeOf(() => openUndiciTransport({ baseUrl: 'https://a.example', ca }))).toBe(
        'CONFIG_INVALID',
      );
    },
  );
});

async function listen(server: Server, scheme: 'http' | 'https') {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `${scheme}://127.0.0.1:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { sendJson } from '../../../src/http/json.ts';
import { startServer } from '../../../src/http/server.ts';
import type { RunningServer, ServerOptions } from '../../../src/http/server.ts';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { call } from '../../support/http-call.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const DAY_MS = 86_400_000;
const now = Date.now();
const running: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop(0)));
});

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    listen: '127.0.0.1:0',
    setting: 'proxy.listen',
    handler: (_request, response) => sendJson(response, 200, { ok: true }),
    ...options,
  });
  running.push(server);
  return server;
}

/** What a server says to these raw bytes. */
async function say(server: RunningServer, bytes: string): Promise<string> {
  const socket = connect(server.port, server.host);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

describe('startServer', () => {
  it('serves plain HTTP under the URL that it tells', async () => {
    const server = await start();
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(await call(server.url, '/')).toMatchObject({ status: 200, text: '{"ok":true}' });
  });

  it('tells an address that can be dialled when it listens on every interface', async () => {
    const server = await start({ listen: ':0' });
    expect((await call(server.url, '/')).status).toBe(200);
  });

  it('names address and setting when the address is in use', async () => {
    const { port } = await start();
    const again = () => start({ listen: `127.0.0.1:${port}`, setting: 'admin.listen' });
    expect(await codeOf(again)).toBe('ADDRESS_IN_USE');
    await expect(again()).rejects.toThrow(`"127.0.0.1:${port}"`);
    await expect(again()).rejects.toThrow('admin.listen');
  });

  it('names the setting when the address is not of this machine', async () => {
    const elsewhere = () => start({ listen: '192.0.2.1:0', setting: 'admin.listen' });
    expect(await codeOf(elsewhere)).toBe('CONFIG_INVALID');
  });

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', '400'],
    ['headers beyond 16 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
    [
      'both length and encoding',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      '400',
    ],
    ['a request without a host', 'GET / HTTP/1.1\r\n\r\n', '400'],
    ['an expectation that nobody knows', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n', '417'],
  ])('answers %s in JSON', async (_title, bytes, status) => {
    const text = await say(await start(), bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toMatch(/application\/json[^]*{"errors":\[{"code":"UNSUPPORTED"/);
    expect(text).not.toContain('<');
  });

  it('serves HTTP/1.0, which knows no Host', async () => {
    expect(await say(await start(), 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('ends a request that does not arrive in time', async () => {
    const server = await start({ limits: { requestTimeoutMs: 100, headersTimeoutMs: 100 } });
    expect(await say(server, 'POST / HTTP/1.1\r\nHost: x\r\n')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('cuts a connection on which nothing moves', async () => {
    const server = await start({ handler: () => undefined, limits: { idleTimeoutMs: 50 } });
    expect(await say(server, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
  });
});

describe('retire', () => {
  it('answers whoever comes, on connections that are kept and on new ones, and ends each with its answer', async () => {
    const server = await start();
    const agent = new http.Agent({ keepAlive: true });
    expect(await call(server.url, '/', { agent })).toMatchObject({ headers: { connection: 'keep-alive' } });
    const retired = server.retire(60_000);
    expect(await call(server.url, '/')).toMatchObject({ headers: { connection: 'close' } });
    expect(await call(server.url, '/', { agent })).toMatchObject({
      text: '{"ok":true}',
      headers: { connection: 'close' },
    });
    await retired;
    agent.destroy();
  });

  it('answers once more on a connection that was promised to stay', async () => {
    const arrived = Promise.withResolvers<http.ServerResponse>();
    const server = await start({
      handler: (request, response) => {
        if (request.url === '/second') {
          response.end('{}');
          return;
        }
        response.writeHead(200, { 'Content-Length': 2 }).flushHeaders();
        arrived.resolve(response);
      },
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const first = call(server.url, '/first', { agent });
    const response = await arrived.promise;
    const retired = server.retire(60_000);
    response.end('{}');
    expect(await first).toMatchObject({ headers: { connection: 'keep-alive' } });
    if (!response.closed) await once(response, 'close');
    expect(await call(server.url, '/second', { agent })).toMatchObject({ headers: { connection: 'close' } });
    await retired;
    agent.destroy();
  });

  it('ends with the last connection, and its time with it', async () => {
    const server = await start();
    const socket = connect(server.port, server.host);
    await once(socket, 'connect');
    await call(server.url, '/');
    const retired = server.retire(60_000);
    socket.destroy();
    await retired;
  });

  it('waits for a silent client no longer than it may', async () => {
    const server = await start();
    const socket = connect(server.port, server.host);
    await once(socket, 'connect');
    await call(server.url, '/');
    await server.retire(10);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});

describe('stop', () => {
  it('finishes what is in flight, closes its connection and takes no new one', async () => {
    const held = Promise.withResolvers<http.ServerResponse>();
    const server = await start({ handler: (_request, response) => held.resolve(response) });
    const agent = new http.Agent({ keepAlive: true });
    const answer = call(server.url, '/', { agent });
    const response = await held.promise;
    const stopped = server.stop(10_000);
    await expect(call(server.url, '/')).rejects.toThrow('ECONNREFUSED');
    sendJson(response, 200, { late: true });
    expect(await answer).toMatchObject({ text: '{"late":true}', headers: { connection: 'close' } });
    await stopped;
    agent.destroy();
  });

  it.each(['http', 'https'])('finishes a large %s answer to a client that reads slowly', async (scheme) => {
    const size = 30_000_000;
    const answered = Promise.withResolvers<undefined>();
    const authority = await makeAuthority({ lifetimeMs: DAY_MS, now });
    const certificate = await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: DAY_MS, now });
    const server = await start({
      ...(scheme === 'https' ? { certificate } : {}),
      handler: (_request, response) => {
        response.end(Buffer.alloc(size));
        answered.resolve(undefined);
      },
    });
    const agent = new https.Agent({ ca: authority.cert });
    const request =
      scheme === 'https' ? https.get(server.url, { agent }) : http.get(server.url, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await answered.promise;
    const stopped = server.stop(10_000);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(size);
    await stopped;
  });

  it('closes idle connections at once', async () => {
    const server = await start();
    const agent = new http.Agent({ keepAlive: true });
    await call(server.url, '/', { agent });
    await server.stop(60_000);
    agent.destroy();
  });

  it('says Connection: close to a request on a connection that is still open', async () => {
    const arrived: http.ServerResponse[] = [];
    const first = Promise.withResolvers<undefined>();
    const server = await start({
      handler: (_request, response) => {
        arrived.push(response);
        first.resolve(undefined);
        // the first has begun before the stop, and ends when the second has come
        if (arrived.length === 1) response.writeHead(200, { 'Content-Length': 2 }).flushHeaders();
        else for (const each of arrived) each.end('{}');
      },
    });
    const socket = connect(server.port, server.host);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const closed = once(socket, 'close');
    socket.write('GET /first HTTP/1.1\r\nHost: x\r\n\r\n');
    await first.promise;
    const stopped = server.stop(10_000);
    socket.write('GET /second HTTP/1.1\r\nHost: x\r\n\r\n');
    await stopped;
    await closed;
    expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(2);
    expect(text.match(/^Connection: close/gm)).toHaveLength(1);
  });

  it('cuts what outlasts the grace period, and may be called again', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const server = await start({ handler: () => arrived.resolve(undefined) });
    const answer = call(server.url, '/');
    await arrived.promise;
    await Promise.all([server.stop(10), server.stop(10), expect(answer).rejects.toThrow('hang up')]);
  });
});

describe('TLS', () => {
  async function leafFor(names: readonly string[]) {
    const authority = await makeAuthority({ lifetimeMs: DAY_MS, now });
    const leaf = await issueLeaf({ authority, names, lifetimeMs: DAY_MS, now });
    return { authority, leaf };
  }

  it('serves a leaf that a client accepts by IP address and by its CA alone', async () => {
    const { authority, leaf } = await leafFor(['tagseal.example.svc', '127.0.0.1']);
    const server = await start({ certificate: leaf });
    expect(server.url).toMatch(/^https:/);
    expect((await call(server.url, '/', { ca: authority.cert })).status).toBe(200);
    await expect(call(server.url, '/')).rejects.toThrow();
  });

  it('gives new connections a new certificate without a restart', async () => {
    const old = await leafFor(['127.0.0.1']);
    const next = await leafFor(['127.0.0.1']);
    const server = await start({ certificate: old.leaf });
    server.replaceCertificate(next.leaf);
    expect((await call(server.url, '/', { ca: next.authority.cert })).status).toBe(200);
  });

  it('keeps the old certificate when the new pair does not match', async () => {
    const old = await leafFor(['127.0.0.1']);
    const next = await leafFor(['127.0.0.1']);
    const server = await start({ certificate: old.leaf });
    const swap = () => server.replaceCertificate({ cert: next.leaf.cert, key: old.leaf.key });
    expect(await codeOf(swap)).toBe('KEY_INVALID');
    expect((await call(server.url, '/', { ca: old.authority.cert })).status).toBe(200);
  });

  it('refuses to start with texts that are no pair', async () => {
    expect(await codeOf(() => start({ certificate: { cert: 'x', key: 'y' } }))).toBe('KEY_INVALID');
  });

  it('speaks HTTP/1.1 only', async () => {
    const { authority, leaf } = await leafFor(['127.0.0.1']);
    const server = await start({ certificate: leaf });
    const socket = connectTls({
      host: server.host,
      port: server.port,
      ca: authority.cert,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });
});

import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startServer, type RunningServer, type ServerOptions } from '../../../src/http/server.ts';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { call } from '../../support/http-call.ts';

const MOST = 3;
const DAY_MS = 86_400_000;
const now = Date.now();
const opened: Socket[] = [];
const running: RunningServer[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map((server) => server.stop(0)));
});

async function start(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const server = await startServer({
    listen: '127.0.0.1:0',
    setting: 'proxy.listen',
    handler: (_request, response) => response.end('answered'),
    limits: { maxConnections: MOST },
    ...options,
  });
  running.push(server);
  return server;
}

async function idle(server: RunningServer): Promise<Socket> {
  const socket = connect(server.port, server.host).on('error', () => undefined);
  await once(socket, 'connect');
  opened.push(socket);
  return socket;
}

describe('a server with as many connections as it may have', () => {
  it('cuts the one that was idle for longest, and answers who comes', async () => {
    const server = await start();
    const [first, second] = [await idle(server), await idle(server)];
    first.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(first, 'data');
    await idle(server);
    const cut = once(second, 'close');
    expect((await call(server.url, '/')).text).toBe('answered');
    await cut;
    expect(first.destroyed).toBe(false);
  });

  it('cuts one whose headers drip, over TLS too', async () => {
    const authority = await makeAuthority({ lifetimeMs: DAY_MS, now });
    const certificate = await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: DAY_MS, now });
    const server = await start({ certificate });
    const agent = new https.Agent({ keepAlive: true });
    const ask = (more: { readonly agent?: https.Agent }) =>
      call(server.url, '/', { ca: authority.cert, ...more });
    await ask({ agent });
    const dripping = await Promise.all([idle(server), idle(server)]);
    for (const socket of dripping) socket.write('G');
    const cut = dripping.map((socket) => once(socket, 'close'));
    // the connection that is kept has been idle for longer than the others until it asks again
    await ask({ agent });
    expect((await ask({})).text).toBe('answered');
    expect((await ask({})).text).toBe('answered');
    await Promise.race(cut);
    agent.destroy();
  });

  it('cuts none that waits for an answer, and refuses the next', async () => {
    const waiting: ServerResponse[] = [];
    const { promise: all, resolve } = Promise.withResolvers<undefined>();
    const server = await start({
      handler: (_request, response) => {
        if (waiting.push(response) === MOST) resolve(undefined);
      },
    });
    const agent = new http.Agent();
    const asked = Array.from({ length: MOST }, () => call(server.url, '/', { agent }));
    await all;
    await expect(call(server.url, '/')).rejects.toThrow(/hang up|ECONNRESET/);
    for (const response of waiting) response.end('late');
    expect((await Promise.all(asked)).map(({ text }) => text)).toEqual(['late', 'late', 'late']);
  });
});

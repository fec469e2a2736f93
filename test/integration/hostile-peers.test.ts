import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe, type Served } from '../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const CROWD = 1_000;
const DIGEST = `sha256:${'0'.repeat(64)}`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BLOCK = Buffer.alloc(64 * 1024, 0x20);

let folder: TempFolder;
let good: FakeRegistry;
let bad: Server;
let badHost: string;
let served: Served;

/** What a registry may answer to keep a client busy, by the first part of the repository. */
const LIES: Readonly<Record<string, RequestListener>> = {
  endless: (_request, response) => {
    response.writeHead(200, { 'content-type': MANIFEST, 'docker-content-digest': DIGEST });
    const more = () => {
      while (!response.destroyed && response.write(BLOCK));
      response.once('drain', more);
    };
    more();
  },
  bomb: (_request, response) => {
    const names = Array.from({ length: 400 }, (_, i) => [`x-${i}`, 'y'.repeat(1_000)] as const);
    response.writeHead(200, Object.fromEntries(names)).end('{}');
  },
  // a blob that comes to a stop in the middle
  half: (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000 * BLOCK.length });
    for (let piece = 0; piece < 8; piece += 1) response.write(BLOCK);
  },
  // says 200 and one byte, and no more
  drip: (_request, response) => {
    response.writeHead(200, { 'content-type': MANIFEST, 'content-length': 500 }).write('{');
  },
  mute: () => undefined,
  hops: ({ url = '' }, response) => {
    response.writeHead(307, { location: `${url}x` }).end();
  },
};

beforeAll(async () => {
  folder = await makeTempFolder();
  good = await startFakeRegistry();
  await good.putImage({ repository: 'team/app', tag: '1' });
  bad = createServer((request, response) => {
    const lie = LIES[request.url?.split('/')[2] ?? ''];
    if (lie !== undefined) lie(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve));
  const address = bad.address();
  badHost = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  served = await startServe({
    folder: folder.path,
    registries: [good.host, badHost],
    proxy: { limits: { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 } },
  });
  expect(await pullGood()).toBe(200);
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  bad.closeAllConnections();
  bad.close();
  await good.close();
  await folder[Symbol.asyncDispose]();
});

async function pullGood(): Promise<number> {
  return (await call(served.proxy, pullPath(good.host, 'team/app/manifests/1'))).status;
}

/** Connections to the proxy that have said this much, and wait. */
function crowd(count: number, says: string): Promise<readonly Socket[]> {
  const { hostname, port } = new URL(served.proxy);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      await once(socket, 'connect');
      if (says !== '') socket.write(says);
      return socket;
    }),
  );
}

function leave(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

function socketsOf(pid: number): number {
  const folderOfOpen = `/proc/${pid}/fd`;
  return readdirSync(folderOfOpen).filter((fd) => isSocket(`${folderOfOpen}/${fd}`)).length;
}

function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch {
    return false;
  }
}

/** What the program holds in its heap and beside it; not what the system has given it, which it may keep for later. */
async function heldMb(): Promise<number> {
  const metrics = await (await fetch(`${served.admin}/metrics`)).text();
  const held = metrics.matchAll(/^nodejs_(?:heap_size_used|external_memory)_bytes (\S+)$/gm);
  return [...held].reduce((sum, [, bytes]) => sum + Number(bytes), 0) / 1e6;
}

function upstreamConnections(): Promise<number> {
  return new Promise((resolve, reject) => {
    bad.getConnections((error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** Asks until it is so; a test that hangs here has failed. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('while hostile clients are connected', () => {
  it.each([
    ['say nothing', CROWD, ''],
    ['drip their headers', 200, 'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A'],
    ['drip a body', 200, 'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1'],
    ['send headers without an end', 200, `GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(40_000)}`],
    ['do not read their answers', 200, 'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20)],
  ])('that %s, pulls are answered', async (_title, count, says) => {
    const sockets = await crowd(count, says);
    expect([await pullGood(), await pullGood()]).toEqual([200, 200]);
    leave(sockets);
  });

  it('that leave in the middle of a blob, nothing is kept of them', async () => {
    const path = pullPath(badHost, `half/app/blobs/${DIGEST}`);
    const leaveMidBlob = async (count: number) => {
      const sockets = await crowd(count, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await Promise.all(sockets.map((socket) => once(socket, 'data')));
      leave(sockets);
    };
    const { pid } = served.process;
    const batch = 20;
    for (let left = 0; left < 5 * batch; left += batch) await leaveMidBlob(batch);
    await until(async () => (await upstreamConnections()) === 0);
    const before = { sockets: socketsOf(pid), heldMb: await heldMb() };
    for (let left = 0; left < CROWD; left += batch) await leaveMidBlob(batch);
    expect(await pullGood()).toBe(200);
    await until(async () => (await upstreamConnections()) === 0);
    await until(() => socketsOf(pid) <= before.sockets);
    // each that were kept would hold a tenth of a megabyte and more
    expect((await heldMb()) - before.heldMb).toBeLessThan(80);
  });
});

describe('a registry that', () => {
  it.each([
    ['answers a manifest without an end', `endless/app/manifests/${DIGEST}`, 502],
    ['answers a tag without an end', 'endless/app/manifests/1', 502],
    ['lists tags without an end', 'endless/app/tags/list', 502],
    ['lists referrers without an end', `endless/app/referrers/${DIGEST}`, 502],
    ['sends 400 kB of headers with a manifest', `bomb/app/manifests/${DIGEST}`, 502],
    ['sends 400 kB of headers with a blob', `bomb/app/blobs/${DIGEST}`, 502],
    ['redirects for ever', `hops/app/manifests/${DIGEST}`, 502],
    ['redirects blobs for ever', `hops/app/blobs/${DIGEST}`, 502],
  ])('%s is an error, and no connection to it is left', async (_title, rest, status) => {
    const { status: answered, text } = await call(served.proxy, pullPath(badHost, rest));
    expect({ answered, text }).toMatchObject({ answered: status, text: expect.stringContaining('"errors"') });
    expect(await pullGood()).toBe(200);
  });

  it.each([
    ['drips', 'drip'],
    ['is mute', 'mute'],
  ])('%s delays nobody else, and is left by the proxy when the client goes', async (_title, lie) => {
    const get = `GET ${pullPath(badHost, `${lie}/app/manifests/${DIGEST}`)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const asked = once(bad, 'request');
    const sockets = await crowd(100, get);
    await asked;
    expect([await pullGood(), await pullGood()]).toEqual([200, 200]);
    leave(sockets);
    await until(async () => (await upstreamConnections()) === 0);
  });
});

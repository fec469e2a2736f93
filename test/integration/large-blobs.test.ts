import { createHash, randomBytes } from 'node:crypto';
import { get, createServer, type IncomingMessage, type Server } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pullPath, startServe, type Served } from '../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const BLOB = randomBytes(12_345_678);
const DIGEST = digestOf(BLOB);
const AT_ONCE = 8;

let folder: TempFolder;
let origin: Server;
let host: string;
let served: Served;

beforeAll(async () => {
  folder = await makeTempFolder();
  origin = createServer((request, response) => {
    // pieces/SIZE/length or pieces/SIZE/chunked
    const [, , , size = '', framing = ''] = (request.url ?? '').split('/');
    response.writeHead(200, framing === 'length' ? { 'content-length': BLOB.length } : {});
    pipeline(piecesOf(Number(size)), response).catch(() => undefined);
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const address = origin.address();
  host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const limits = { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 };
  served = await startServe({ folder: folder.path, registries: [host], proxy: { limits } });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  origin.closeAllConnections();
  origin.close();
  await folder[Symbol.asyncDispose]();
});

function* piecesOf(size: number): Generator<Buffer> {
  for (let at = 0; at < BLOB.length; at += size) yield BLOB.subarray(at, at + size);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Digest of what a client gets; a slow one lets everyone else go first after each piece. */
async function pull(path: string, isSlow: boolean): Promise<string> {
  const url = `${served.proxy}${pullPath(host, path)}`;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false }, resolve).on('error', reject);
  });
  expect(answer.statusCode).toBe(200);
  const hash = createHash('sha256');
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    hash.update(piece);
    if (isSlow) await setImmediate();
  }
  return `sha256:${hash.digest('hex')}`;
}

describe('a large blob through the proxy', () => {
  it.each([
    ['length', 1_000_003],
    ['length', 4_099],
    ['chunked', 1_000_003],
    ['chunked', 4_099],
  ])('arrives byte for byte, %s, when the registry writes %i bytes at a time', async (framing, size) => {
    const path = `pieces/${size}/${framing}/blobs/${DIGEST}`;
    const pulls = Array.from({ length: AT_ONCE }, (_, i) => pull(path, i % 2 === 0));
    expect(new Set(await Promise.all(pulls))).toEqual(new Set([DIGEST]));
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { startLoopbackServer } from '../../support/loopback-server.ts';
import { makeTestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const bytes = Buffer.from('{"schemaVersion":2}');
const digest = parseDigest(`sha512:${createHash('sha512').update(bytes).digest('hex')}`);
const other = parseDigest(`sha512:${'a'.repeat(128)}`);

/** Answers every digest with the same manifest. */
async function pull(asked: typeof digest) {
  const answered: string[] = [];
  await using server = await startLoopbackServer((request, response) => {
    answered.push(request.url ?? '');
    response.writeHead(200, { 'content-type': MEDIA_TYPE, 'content-length': bytes.length }).end(bytes);
  });
  const host = new URL(server.url).host;
  const registry = makeTestRegistry([host]);
  const target = { registry: host, repository: 'acme/api', digest: asked };
  try {
    return { answered, manifest: await registry.upstream.manifest(target, AbortSignal.timeout(60_000)) };
  } finally {
    await registry.close();
  }
}

describe('a manifest by a sha512 digest', () => {
  it('is asked for by it, and hashed with it', async () => {
    const { answered, manifest } = await pull(digest);
    expect(answered).toEqual([`/v2/acme/api/manifests/${digest}`]);
    expect(manifest).toMatchObject({ digest, mediaType: MEDIA_TYPE });
  });

  it('is refused where the bytes have another', async () => {
    expect(await codeOf(() => pull(other))).toBe('DIGEST_MISMATCH');
  });
});

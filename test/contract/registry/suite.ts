import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buffer } from 'node:stream/consumers';
import { parseDigest, sha256Digest } from '../../../src/reference/parse-digest.ts';
import { makeImageContent } from '../../support/oci-content.ts';
import { pushImage } from '../../support/push-image.ts';
import type { PushedImage } from '../../support/push-image.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import type { TestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

export interface StartedRegistry {
  /** `host:port`, by plain http. */
  readonly host: string;
  readonly url: string;
  close(): Promise<void>;
}

const UNKNOWN = parseDigest(`sha256:${'0'.repeat(64)}`);
const never = new AbortController().signal;

/** What the adapter promises about every honest registry; runs against the fake and, end to end, against real ones. */
export function registryContract(name: string, startRegistry: () => Promise<StartedRegistry>): void {
  describe(`registry contract: ${name}`, () => {
    const repository = 'team/app';
    let started: StartedRegistry;
    let registry: TestRegistry;
    let image: PushedImage;

    const reference = (tag: string) => tagReference(`${started.host}/${repository}:${tag}`);
    const target = (digest: string) => ({ registry: started.host, repository, digest: parseDigest(digest) });

    beforeAll(async () => {
      started = await startRegistry();
      registry = makeTestRegistry([started.host]);
      image = await pushImage({ registryUrl: started.url, repository, tag: '1.0' });
    });

    afterAll(async () => {
      await registry.close();
      await started.close();
    });

    it('fetches the index of a multi-platform tag and hashes it', async () => {
      const resolved = await registry.resolver.fetch(reference('1.0'), never);
      expect(resolved).toEqual({ digest: image.digest, hashed: true });
    });

    it('rechecks a tag by its header alone', async () => {
      await using fresh = closing(makeTestRegistry([started.host]));
      const resolved = await fresh.resolver.recheck(reference('1.0'), never);
      expect(resolved).toEqual({ digest: image.digest, hashed: false });
    });

    it('sees a moved tag once the answer is 10 seconds old', async () => {
      const first = await pushImage({ registryUrl: started.url, repository, tag: 'moving', text: 'one' });
      const before = await registry.resolver.fetch(reference('moving'), never);
      const second = await pushImage({ registryUrl: started.url, repository, tag: 'moving', text: 'two' });
      const within = await registry.resolver.recheck(reference('moving'), never);
      registry.clock.advance(10_000);
      const after = await registry.resolver.recheck(reference('moving'), never);
      expect([before.digest, within.digest, after.digest]).toEqual([
        first.digest,
        first.digest,
        second.digest,
      ]);
    });

    it.each(['fetch', 'recheck'] as const)(
      'reports a tag that is not there as unknown on %s',
      async (method) => {
        expect(await codeOf(() => registry.resolver[method](reference('absent'), never))).toBe(
          'MANIFEST_UNKNOWN',
        );
      },
    );

    it('reports a repository that is not there as unknown', async () => {
      const absent = tagReference(`${started.host}/no/such:1`);
      expect(await codeOf(() => registry.resolver.fetch(absent, never))).toBe('MANIFEST_UNKNOWN');
    });

    it('reads a manifest by digest, and its head, with the bytes that were pushed', async () => {
      const { manifests } = makeImageContent();
      for (const { digest, bytes, mediaType } of manifests) {
        const found = await registry.upstream.manifest(target(digest), never);
        expect({ ...found, bytes: Buffer.from(found.bytes) }).toEqual({ bytes, mediaType, digest });
        const head = await registry.upstream.headManifest(target(digest), never);
        expect(head).toEqual({ size: bytes.length, mediaType, digest });
      }
    });

    it('reports a digest that is not there as unknown', async () => {
      expect(await codeOf(() => registry.upstream.manifest(target(UNKNOWN), never))).toBe('MANIFEST_UNKNOWN');
    });

    it('streams a blob with the digest that was asked for', async () => {
      const [digest = ''] = image.blobDigests;
      const answer = await registry.upstream.blob({ ...target(digest), method: 'GET', headers: {} }, never);
      if (answer.kind !== 'stream') throw new Error('redirected');
      const bytes = await buffer(answer.body);
      expect({ status: answer.status, digest: sha256Digest(bytes) }).toEqual({ status: 200, digest });
      expect(answer.headers['content-length']).toBe(String(bytes.length));
    });

    it('streams the range of a blob that was asked for', async () => {
      const [digest = ''] = image.blobDigests;
      const headers = { range: 'bytes=1-3' };
      const answer = await registry.upstream.blob({ ...target(digest), method: 'GET', headers }, never);
      if (answer.kind !== 'stream') throw new Error('redirected');
      expect({ status: answer.status, size: (await buffer(answer.body)).length }).toEqual({
        status: 206,
        size: 3,
      });
    });

    it('answers HEAD of a blob with its size and no body', async () => {
      const [digest = ''] = image.blobDigests;
      const answer = await registry.upstream.blob({ ...target(digest), method: 'HEAD', headers: {} }, never);
      if (answer.kind !== 'stream') throw new Error('redirected');
      expect((await buffer(answer.body)).length).toBe(0);
      expect(Number(answer.headers['content-length'])).toBeGreaterThan(0);
    });

    it('reports a blob that is not there as unknown', async () => {
      const asked = { ...target(UNKNOWN), method: 'GET', headers: {} } as const;
      expect(await codeOf(() => registry.upstream.blob(asked, never))).toBe('BLOB_UNKNOWN');
    });
  });
}

function closing(registry: TestRegistry): TestRegistry & AsyncDisposable {
  return { ...registry, [Symbol.asyncDispose]: () => registry.close() };
}

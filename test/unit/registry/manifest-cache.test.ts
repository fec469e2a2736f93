import { describe, expect, it } from '@jest/globals';
import { OCI_INDEX } from '../../../src/reference/media-type.ts';
import { sha256Digest } from '../../../src/reference/parse-digest.ts';
import { makeManifestCache } from '../../../src/registry/manifest-cache.ts';

function manifestOf(text: string) {
  const bytes = Buffer.from(text);
  return { bytes, mediaType: OCI_INDEX, digest: sha256Digest(bytes) };
}

describe('makeManifestCache', () => {
  const manifest = manifestOf('{}');

  it.each([
    { registry: 'a.b', repository: 'c', found: true },
    { registry: 'a.b', repository: 'd', found: false },
    { registry: 'a.x', repository: 'c', found: false },
  ])('finds what was put under a.b/c at $registry/$repository: $found', ({ registry, repository, found }) => {
    const cache = makeManifestCache();
    cache.put('a.b', 'c', manifest);
    const got = cache.get({ registry, repository, digest: manifest.digest });
    expect(got).toBe(found ? manifest : undefined);
  });

  it('stays below its size', () => {
    const cache = makeManifestCache(10_000);
    const manifests = ['a', 'b', 'c', 'd'].map((letter) => manifestOf(letter.repeat(3_000)));
    for (const each of manifests) cache.put('a.b', 'c', each);
    const kept = manifests.filter(
      ({ digest }) => cache.get({ registry: 'a.b', repository: 'c', digest }) !== undefined,
    );
    expect(kept).toEqual(manifests.slice(-2));
  });
});

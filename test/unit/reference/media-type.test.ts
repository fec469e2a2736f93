import { describe, expect, it } from '@jest/globals';
import { MANIFEST_ACCEPT } from '../../../src/reference/media-type.ts';

describe('MANIFEST_ACCEPT', () => {
  it('names the two indexes before the two manifests, and never schema 1', () => {
    expect(MANIFEST_ACCEPT.split(', ')).toEqual([
      'application/vnd.oci.image.index.v1+json',
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.docker.distribution.manifest.v2+json',
    ]);
  });
});

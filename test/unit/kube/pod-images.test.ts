import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../../src/kube/api.ts';
import { podImages } from '../../../src/kube/pod-images.ts';
import { digestOfA } from '../../support/sample-record.ts';

function pod(spec: unknown, status: unknown): KubeObject {
  const metadata = { namespace: 'shop', name: 'api-1', uid: 'uid-1' };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec, status };
}

describe('the images of a Pod', () => {
  it('are those of all its containers, with the digests that its node runs', () => {
    const spec = {
      containers: [{ name: 'main', image: 'alpine:3' }],
      initContainers: [{ name: 'init', image: 'busybox:1' }],
      ephemeralContainers: [{ name: 'debug', image: 'tools:2' }],
    };
    const status = {
      phase: 'Running',
      containerStatuses: [{ name: 'main', imageID: `docker.io/library/alpine@${digestOfA}` }],
      initContainerStatuses: [{ name: 'init', imageID: digestOfA }],
      ephemeralContainerStatuses: [{ name: 'debug', imageID: '' }],
    };
    expect(podImages(pod(spec, status))).toEqual({
      namespace: 'shop',
      name: 'api-1',
      uid: 'uid-1',
      images: [
        { container: 'main', text: 'alpine:3', running: digestOfA },
        { container: 'init', text: 'busybox:1' },
        { container: 'debug', text: 'tools:2' },
      ],
    });
  });

  it.each(['Succeeded', 'Failed'])('are of no interest once it has %s', (phase) => {
    expect(podImages(pod({ containers: [{ name: 'a', image: 'b' }] }, { phase }))).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'spec'],
    ['containers that are no list', { containers: { name: 'a' } }],
    ['a container without an image', { containers: [{ name: 'a' }, null, 3] }],
  ])('are none where its spec is %s', (_what, spec) => {
    expect(podImages(pod(spec, spec))?.images).toEqual([]);
  });
});

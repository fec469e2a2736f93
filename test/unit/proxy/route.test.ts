import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseUrl } from '../../../src/proxy/route.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';
import { digestOfA } from '../../support/sample-record.ts';

const HEX = digestOfA.slice('sha256:'.length);
const SHA512 = `sha512:${'c'.repeat(128)}`;

/** `kind registry repository item`, or the code of an invalid path. */
function summary(url: string, registry?: string): string {
  const { route } = parseUrl(url, registry);
  switch (route.kind) {
    case 'ping':
    case 'token':
    case 'unknown':
      return route.kind;
    case 'invalid':
      return route.code;
    case 'tags':
      return `tags ${route.registry} ${route.repository}`;
    case 'manifest-tag':
      return `tag ${route.registry} ${route.repository} ${route.tag}`;
    default:
      return `${route.kind} ${route.registry} ${route.repository} ${route.digest}`;
  }
}

describe('parseUrl', () => {
  it.each([
    ['/v2/', 'ping'],
    ['/v2', 'ping'],
    ['/v2/?n=1', 'ping'],
    ['/v2/alpine/manifests/3.16.0', 'tag docker.io library/alpine 3.16.0'],
    ['/v2/acme/api/manifests/v1', 'tag docker.io acme/api v1'],
    ['/v2/docker.io/alpine/manifests/3', 'tag docker.io library/alpine 3'],
    ['/v2/index.docker.io/library/alpine/manifests/3', 'tag docker.io library/alpine 3'],
    ['/v2/registry.example.biz/my/image/manifests/v1', 'tag registry.example.biz my/image v1'],
    ['/v2/localhost/image/manifests/v1', 'tag localhost image v1'],
    ['/v2/localhost_5000/my/image/manifests/v1', 'tag localhost:5000 my/image v1'],
    ['/v2/registry.example.biz_443/image/manifests/v1', 'tag registry.example.biz image v1'],
    ['/v2/127.0.0.1_5000/image/manifests/v1', 'tag 127.0.0.1:5000 image v1'],
    [`/v2/ghcr.io/acme/api/manifests/${digestOfA}`, `manifest-digest ghcr.io acme/api ${digestOfA}`],
    [`/v2/ghcr.io/acme/api/manifests/sha256%3A${HEX}`, `manifest-digest ghcr.io acme/api ${digestOfA}`],
    [`/v2/ghcr.io/acme/api/blobs/sha256%3a${HEX}`, `blob ghcr.io acme/api ${digestOfA}`],
    [`/v2/ghcr.io/acme/api/manifests/${SHA512}`, `manifest-digest ghcr.io acme/api ${SHA512}`],
    [`/v2/ghcr.io/acme/api/referrers/${digestOfA}`, `referrers ghcr.io acme/api ${digestOfA}`],
    ['/v2/ghcr.io/acme/api/tags/list?n=5', 'tags ghcr.io acme/api'],
    [`/v2/ghcr.io/acme/api/manifests/sha256-${HEX}.sig`, `tag ghcr.io acme/api sha256-${HEX}.sig`],
    ['/v2/library/alpine/manifests/3?ns=docker.io', 'tag docker.io library/alpine 3'],
    ['/v2/alpine/manifests/3?ns=docker.io', 'tag docker.io library/alpine 3'],
    ['/v2/my.dotted/image/manifests/3?ns=ghcr.io', 'tag ghcr.io my.dotted/image 3'],
    ['/v2/image/manifests/3?ns=localhost%3A5000', 'tag localhost:5000 image 3'],
    ['/v2/image/manifests/3?x=1&ns=GHCR.io', 'tag ghcr.io image 3'],
    ['/v2/ghcr.io/manifests/blobs/manifests/v1', 'tag ghcr.io manifests/blobs v1'],
  ])('reads %s', (url, expected) => {
    expect(summary(url)).toBe(expected);
  });

  it.each([
    ['/', 'unknown'],
    ['/v1/', 'unknown'],
    ['//v2/', 'unknown'],
    ['/v2//', 'unknown'],
    ['/v2/_catalog', 'unknown'],
    ['/v2/alpine', 'unknown'],
    ['/v2/alpine/manifests/', 'unknown'],
    ['/v2/alpine/tags/other', 'unknown'],
    ['/v2/alpine/blobs/uploads/', 'unknown'],
    ['http://example.com/v2/alpine/manifests/3', 'unknown'],
    ['/v2/Alpine/manifests/3', 'NAME_INVALID'],
    ['/v2/a..b/manifests/3', 'NAME_INVALID'],
    ['/v2/a___b/manifests/3', 'NAME_INVALID'],
    ['/v2/../alpine/manifests/3', 'NAME_INVALID'],
    ['/v2/ghcr.io//alpine/manifests/3', 'NAME_INVALID'],
    ['/v2/ghcr.io%2falpine/manifests/3', 'NAME_INVALID'],
    ['/v2/localhost:5000/image/manifests/3', 'NAME_INVALID'],
    ['/v2/a@b/manifests/3', 'NAME_INVALID'],
    ['/v2/ghcr.io/manifests/3', 'NAME_INVALID'],
    ['/v2/localhost_5000/manifests/3', 'NAME_INVALID'],
    ['/v2/localhost_99999/image/manifests/3', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/manifests/3`, 'NAME_INVALID'],
    [`/v2/a/manifests/${'3'.repeat(3000)}`, 'NAME_INVALID'],
    ['/v2/image/manifests/3?ns=ghcr.io&ns=docker.io', 'NAME_INVALID'],
    ['/v2/image/manifests/3?ns=', 'NAME_INVALID'],
    ['/v2/image/manifests/3?ns=ghcr.io/evil', 'NAME_INVALID'],
    ['/v2/image/manifests/3?ns=user@ghcr.io', 'NAME_INVALID'],
    ['/v2/image/manifests/3?ns=single', 'NAME_INVALID'],
    ['/v2/alpine/manifests/-x', 'MANIFEST_INVALID'],
    ['/v2/alpine/manifests/a%41', 'MANIFEST_INVALID'],
    [`/v2/alpine/manifests/${'x'.repeat(129)}`, 'MANIFEST_INVALID'],
    ['/v2/alpine/manifests/sha256:abc', 'DIGEST_INVALID'],
    [`/v2/alpine/manifests/md5:${'a'.repeat(32)}`, 'DIGEST_INVALID'],
    [`/v2/alpine/manifests/sha256%253A${HEX}`, 'MANIFEST_INVALID'],
    ['/v2/alpine/blobs/latest', 'DIGEST_INVALID'],
    [`/v2/alpine/blobs/sha256:${HEX.toUpperCase()}`, 'DIGEST_INVALID'],
    ['/v2/alpine/referrers/3', 'DIGEST_INVALID'],
  ])('refuses %.80s', (url, expected) => {
    expect(summary(url)).toBe(expected);
  });

  it('never throws, and what it takes for a tag is canonical', () => {
    const part = fc.constantFrom(
      ...[
        'a',
        'ghcr.io',
        'localhost_5000',
        '..',
        '',
        '%2f',
        'manifests',
        'blobs',
        'tags',
        'list',
        'A',
        ':',
        '@',
      ],
    );
    const url = fc.oneof(
      fc.string(),
      fc
        .array(fc.oneof(part, fc.string({ maxLength: 6 })), { maxLength: 7 })
        .map((parts) => `/v2/${parts.join('/')}`),
      fc.tuple(part, fc.string()).map(([name, ns]) => `/v2/${name}/manifests/v1?ns=${ns}`),
    );
    fc.assert(
      fc.property(url, (text) => {
        const { route } = parseUrl(text);
        if (route.kind !== 'manifest-tag') return;
        const { registry, repository, tag } = parseReference(
          `${route.registry}/${route.repository}:${route.tag}`,
        );
        expect({ registry, repository, tag }).toEqual({
          registry: route.registry,
          repository: route.repository,
          tag: route.tag,
        });
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['/v2/library/alpine/manifests/3', 'docker.io', 'tag docker.io library/alpine 3'],
    ['/v2/alpine/manifests/3?ns=docker.io', 'docker.io', 'tag docker.io library/alpine 3'],
    ['/v2/ghcr.io/app/manifests/3', 'quay.io', 'tag quay.io ghcr.io/app 3'],
    ['/v2/my.dotted/image/tags/list', 'localhost:5000', 'tags localhost:5000 my.dotted/image'],
    ['/v2/app/manifests/3?ns=ghcr.io', 'quay.io', 'NAME_INVALID'],
    ['/v2/App/manifests/3', 'quay.io', 'NAME_INVALID'],
  ])('reads %s of the virtual host of %s', (url, registry, expected) => {
    expect(summary(url, registry)).toBe(expected);
  });

  it('tells whether the reason of a refusal came back', () => {
    expect(parseUrl('/v2/a/manifests/1?ns=ghcr.io&reason=tag-moved').hasReason).toBe(true);
    expect(parseUrl('/v2/a/manifests/1?ns=ghcr.io').hasReason).toBe(false);
  });
});

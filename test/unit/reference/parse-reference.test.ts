import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import {
  canonicalText,
  isTagReference,
  parseReference,
  pinnedText,
} from '../../../src/reference/parse-reference.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const HEX_64 = '0123456789abcdef'.repeat(4);
const DIGEST = parseDigest(`sha256:${HEX_64}`);
const SHA512 = parseDigest(`sha512:${HEX_64}${HEX_64}`);
const OTHER = parseDigest(`sha256:${'0'.repeat(64)}`);

const GOOD: readonly (readonly [string, string])[] = [
  ['alpine', 'docker.io/library/alpine:latest'],
  ['alpine:3.16.0', 'docker.io/library/alpine:3.16.0'],
  ['library/alpine', 'docker.io/library/alpine:latest'],
  ['docker.io/alpine', 'docker.io/library/alpine:latest'],
  ['index.docker.io/library/alpine:3', 'docker.io/library/alpine:3'],
  ['registry-1.docker.io/alpine:3', 'docker.io/library/alpine:3'],
  ['registry.hub.docker.com/alpine:3', 'docker.io/library/alpine:3'],
  ['docker.io:443/alpine', 'docker.io/library/alpine:latest'],
  ['acme/api', 'docker.io/acme/api:latest'],
  ['acme/a/b/c:v1', 'docker.io/acme/a/b/c:v1'],
  ['host_5000/x', 'docker.io/host_5000/x:latest'],
  ['ghcr.io/acme/api:1.4.2', 'ghcr.io/acme/api:1.4.2'],
  ['GHCR.IO/acme/api', 'ghcr.io/acme/api:latest'],
  ['ghcr.io/api', 'ghcr.io/api:latest'],
  ['ghcr.io:443/api', 'ghcr.io/api:latest'],
  ['LOCALHOST/x', 'localhost/x:latest'],
  ['localhost/x', 'localhost/x:latest'],
  ['localhost:5000/x:y', 'localhost:5000/x:y'],
  ['registry:443/x', 'registry:443/x:latest'],
  ['REGISTRY:5000/x', 'registry:5000/x:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest'],
  ['[2001:DB8::1]/x:y', '[2001:db8::1]/x:y'],
  ['127.0.0.1:5000/x', '127.0.0.1:5000/x:latest'],
  ['xn--n3h.com/myimage:xn--n3h.com', 'xn--n3h.com/myimage:xn--n3h.com'],
  [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
  [`alpine:3.16@${DIGEST}`, `docker.io/library/alpine:3.16@${DIGEST}`],
  [`localhost:5000/x@${SHA512}`, `localhost:5000/x@${SHA512}`],
  // one component is never a host, whatever it looks like
  ['localhost', 'docker.io/library/localhost:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000'],
  ['example.com', 'docker.io/library/example.com:latest'],
  ['docker.io', 'docker.io/library/docker.io:latest'],
  ['sha256', 'docker.io/library/sha256:latest'],
  [`acme/${HEX_64}`, `docker.io/acme/${HEX_64}:latest`],
  [`${HEX_64}:latest`, `docker.io/library/${HEX_64}:latest`],
  [HEX_64.slice(1), `docker.io/library/${HEX_64.slice(1)}:latest`],
  [`x:${'a'.repeat(128)}`, `docker.io/library/x:${'a'.repeat(128)}`],
  ['a'.repeat(255 - 'docker.io/library/'.length), `docker.io/library/${'a'.repeat(237)}:latest`],
  [`a.io/${'a/'.repeat(124)}a`, `a.io/${'a/'.repeat(124)}a:latest`],
];

const BAD: readonly string[] = [
  '',
  ' ',
  ':',
  '@',
  '/',
  ':tag',
  `@${DIGEST}`,
  'alpine:',
  'alpine@',
  'alpine ',
  ' alpine',
  'alpine\n',
  'alpine:3 16',
  'alpine\u0000',
  'Alpine',
  'acme/Api',
  'Foo/bar',
  'Foo:443',
  'foo//bar',
  'foo/bar/',
  '/foo/bar',
  '//foo',
  'a..b',
  'a___b',
  'a.-b',
  'a_/b',
  '-a',
  'a-',
  'ghcr.io/',
  'ghcr.io//a',
  'ghcr.io/a..b',
  'ghcr.io/../etc',
  'a%2fb',
  'a%3Ab',
  'ghcr%2eio/a',
  'alpinе',
  '☃.com/a',
  'a:b:c',
  'a/b:c:d',
  'ghcr.io:x/a',
  'ghcr.io:0/a',
  'ghcr.io:99999/a',
  '0x7f.1/a',
  '127.1/a',
  '[::1/a',
  '[::1]',
  '[::1]:5000',
  '[fe80::1%25eth0]/a',
  'https://ghcr.io/a',
  'oci://a',
  'docker://alpine',
  'user@ghcr.io/a',
  'user:secret@ghcr.io/a',
  '-x.io/a',
  'a.io-/a',
  HEX_64,
  `${HEX_64}@${DIGEST.toUpperCase()}`,
  `alpine@sha256:${HEX_64.toUpperCase()}`,
  `alpine@sha256:${HEX_64}0`,
  'alpine@sha256:0',
  `alpine@md5:${HEX_64.slice(32)}`,
  `alpine@${DIGEST}@${DIGEST}`,
  `alpine@${DIGEST}:tag`,
  `alpine:@${DIGEST}`,
  `x:${'a'.repeat(129)}`,
  'a'.repeat(256 - 'docker.io/library/'.length),
  `a.io/${'a/'.repeat(125)}a`,
  'a'.repeat(1025),
];

describe('parseReference', () => {
  it.each(GOOD)('folds %p into %p, which stays as it is', (text, canonical) => {
    const reference = parseReference(text);
    expect(reference.text).toBe(text);
    expect(canonicalText(reference)).toBe(canonical);
    expect(parseReference(canonical)).toEqual({ ...reference, text: canonical });
  });

  it.each(BAD)('refuses %p', async (text) => {
    expect(await codeOf(() => parseReference(text))).toBe('REFERENCE_INVALID');
  });

  it('gives all parts of a tag with a digest', () => {
    expect(parseReference(`GHCR.io:443/acme/api:1@${DIGEST}`)).toEqual({
      text: `GHCR.io:443/acme/api:1@${DIGEST}`,
      registry: 'ghcr.io',
      repository: 'acme/api',
      tag: '1',
      digest: DIGEST,
      canonical: 'ghcr.io/acme/api:1',
    });
  });

  it('gives neither tag nor canonical form for a digest alone', () => {
    expect(parseReference(`alpine@${DIGEST}`)).toEqual({
      text: `alpine@${DIGEST}`,
      registry: 'docker.io',
      repository: 'library/alpine',
      digest: DIGEST,
    });
  });

  it('says what to write instead of a URL', () => {
    expect(() => parseReference('https://ghcr.io/a')).toThrow('write what follows "://"');
  });

  it('canonicalises in one step whatever is put together from pieces, or refuses it', async () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'B',
        '0',
        '5000',
        '443',
        '.',
        '_',
        '__',
        '-',
        '/',
        ':',
        '@',
        '[',
        ']',
        '::1',
        'localhost',
        'docker.io',
      ],
      ...[
        'ghcr.io',
        'index.docker.io',
        'library',
        'latest',
        'xn--n3h',
        '127',
        '0x7f',
        '%',
        'sha256',
        DIGEST,
        HEX_64,
      ],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const text = pieces.join('');
        const code = await codeOf(() => parseReference(text));
        if (code === undefined) {
          const canonical = canonicalText(parseReference(text));
          expect(canonicalText(parseReference(canonical))).toBe(canonical);
        } else {
          expect(code).toBe('REFERENCE_INVALID');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('throws nothing but REFERENCE_INVALID for junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 1200 }), async (text) => {
        expect([undefined, 'REFERENCE_INVALID']).toContain(await codeOf(() => parseReference(text)));
      }),
    );
  });
});

describe('isTagReference', () => {
  it('is true for a tag, an implied tag and a tag with a digest', () => {
    for (const text of ['alpine:3', 'alpine', `alpine:3@${DIGEST}`]) {
      expect(isTagReference(parseReference(text))).toBe(true);
    }
  });

  it('is false for a digest alone', () => {
    expect(isTagReference(parseReference(`alpine@${DIGEST}`))).toBe(false);
  });
});

describe('pinnedText', () => {
  it.each([
    ['alpine:3.16', `alpine:3.16@${OTHER}`, `alpine@${OTHER}`],
    ['alpine', `alpine:latest@${OTHER}`, `alpine@${OTHER}`],
    [`alpine:3.16@${DIGEST}`, `alpine:3.16@${OTHER}`, `alpine@${OTHER}`],
    [`alpine@${DIGEST}`, `alpine@${OTHER}`, `alpine@${OTHER}`],
    ['GHCR.io:443/a/b:1', `GHCR.io:443/a/b:1@${OTHER}`, `GHCR.io:443/a/b@${OTHER}`],
    ['localhost:5000/x', `localhost:5000/x:latest@${OTHER}`, `localhost:5000/x@${OTHER}`],
    ['[::1]:5000/x', `[::1]:5000/x:latest@${OTHER}`, `[::1]:5000/x@${OTHER}`],
  ])('pins %p as %p and %p', (text, withTag, withoutTag) => {
    expect(pinnedText(parseReference(text), OTHER, 'tagDigest')).toBe(withTag);
    expect(pinnedText(parseReference(text), OTHER, 'digest')).toBe(withoutTag);
  });

  it('leaves the meaning of every good text alone, apart from the digest', () => {
    for (const [text] of GOOD) {
      const reference = parseReference(text);
      const pinned = parseReference(pinnedText(reference, OTHER, 'tagDigest'));
      expect(canonicalText(pinned)).toBe(canonicalText({ ...reference, digest: OTHER }));
    }
  });
});

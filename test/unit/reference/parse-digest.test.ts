import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  parseDigest,
  sha256Digest,
} from '../../../src/reference/parse-digest.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const HEX_64 = '0123456789abcdef'.repeat(4);

describe('parseDigest', () => {
  it.each([`sha256:${HEX_64}`, `sha512:${HEX_64}${HEX_64}`])('accepts %p', (text) => {
    expect(parseDigest(text)).toBe(text);
    expect(isDigest(text)).toBe(true);
  });

  it.each([
    '',
    ':',
    'sha256',
    'sha256:',
    HEX_64,
    `sha256:${HEX_64.slice(1)}`,
    `sha256:${HEX_64}0`,
    `sha256:${HEX_64.toUpperCase()}`,
    `sha256:${HEX_64.slice(1)}g`,
    `sha256:${HEX_64}\n`,
    ` sha256:${HEX_64}`,
    `SHA256:${HEX_64}`,
    `sha256-${HEX_64}`,
    `sha512:${HEX_64}`,
    `sha384:${HEX_64}`,
    `md5:${HEX_64}`,
    `constructor:${HEX_64}`,
    `sha256:${HEX_64}@sha256:${HEX_64}`,
  ])('refuses %p', async (text) => {
    expect(await codeOf(() => parseDigest(text))).toBe('REFERENCE_INVALID');
    expect(isDigest(text)).toBe(false);
  });

  it.each([
    ['no algorithm', 'abc', 'it has no algorithm'],
    ['an unknown algorithm', 'md5:abc', 'neither sha256 nor sha512'],
    ['the length', 'sha256:abc', 'takes 64 hex digits and it has 3'],
    ['the case', `sha256:${HEX_64.toUpperCase()}`, 'not all lower case'],
    ['a foreign character', `sha256:${HEX_64.slice(1)}g`, 'not hex digits'],
  ])('names %s as the reason', (_, text, reason) => {
    expect(() => parseDigest(text)).toThrow(reason);
  });

  it('throws nothing but REFERENCE_INVALID for junk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(await codeOf(() => parseDigest(text))).toBe('REFERENCE_INVALID');
      }),
    );
  });
});

describe('digestOf', () => {
  it.each(['sha256', 'sha512'] as const)(
    'is the %s of the bytes, and reads back into its parts',
    (algorithm) => {
      fc.assert(
        fc.property(fc.uint8Array(), (bytes) => {
          const digest = digestOf(algorithm, bytes);
          expect(digestAlgorithm(digest)).toBe(algorithm);
          expect(digestHex(digest)).toBe(createHash(algorithm).update(bytes).digest('hex'));
          expect(parseDigest(digest)).toBe(digest);
        }),
      );
    },
  );

  it('is what sha256Digest is, for sha256', () => {
    const bytes = Buffer.from('manifest');
    expect(sha256Digest(bytes)).toBe(digestOf('sha256', bytes));
  });
});

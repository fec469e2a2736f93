import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDigestDerivedTag, parseRepositoryPath, parseTag } from '../../../src/reference/parse-reference.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const HEX_64 = '0123456789abcdef'.repeat(4);

describe('parseRepositoryPath', () => {
  it.each(['a', '0', 'library/alpine', 'a.b_c__d-e---f/g', 'host_5000/x', 'a/'.repeat(127) + 'a', HEX_64])(
    'accepts %p unchanged',
    (text) => {
      expect(parseRepositoryPath(text)).toBe(text);
    },
  );

  it.each([
    ['', 'empty'],
    ['/', 'empty'],
    ['/a', 'empty'],
    ['a/', 'empty'],
    ['a//b', 'empty'],
    ['Alpine', 'upper-case'],
    ['a/B', 'upper-case'],
    ['a..b', 'separators'],
    ['a___b', 'separators'],
    ['a._b', 'separators'],
    ['a-_b', 'separators'],
    ['.a', 'separators'],
    ['_a', 'separators'],
    ['-a', 'separators'],
    ['a.', 'separators'],
    ['a_', 'separators'],
    ['a-', 'separators'],
    ['..', 'separators'],
    ['a/../b', 'separators'],
    ['a/./b', 'separators'],
    ['a:b', 'other characters'],
    ['a@b', 'other characters'],
    ['a b', 'other characters'],
    ['a\n', 'other characters'],
    ['a%2fb', 'other characters'],
    ['a%2e', 'other characters'],
    ['a\\b', 'other characters'],
    ['A+', 'other characters'],
    ['ä', 'other characters'],
    ['ＡＢ', 'other characters'],
    ['a/'.repeat(128), 'longer than 255'],
    ['a'.repeat(256), 'longer than 255'],
  ])('refuses %p because of %p', async (text, reason) => {
    expect(await codeOf(() => parseRepositoryPath(text))).toBe('REFERENCE_INVALID');
    expect(() => parseRepositoryPath(text)).toThrow(reason);
  });
});

describe('parseTag', () => {
  it.each(['latest', '3.16.0', '_', 'A', 'v1.2-rc.1_x', '0', 'a'.repeat(128), 'xn--n3h.com', '1..2', 'a-'])(
    'accepts %p unchanged',
    (text) => {
      expect(parseTag(text)).toBe(text);
    },
  );

  it.each(['', '.a', '-a', 'a'.repeat(129), 'a b', 'a+b', 'a:b', 'a/b', 'a@b', 'ä', 'a\n', 'a%2e', '..'])(
    'refuses %p',
    async (text) => {
      expect(await codeOf(() => parseTag(text))).toBe('REFERENCE_INVALID');
    },
  );

  it('throws nothing but REFERENCE_INVALID for junk, and accepts nothing but its grammar', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        const expected = /^\w[\w.-]{0,127}$/.test(text) ? undefined : 'REFERENCE_INVALID';
        expect(await codeOf(() => parseTag(text))).toBe(expected);
      }),
    );
  });
});

describe('isDigestDerivedTag', () => {
  it.each([`sha256-${HEX_64}`, `sha256-${HEX_64}.sig`, `sha256-${HEX_64}.att`, `sha256-${HEX_64}.sbom`])(
    'is true for %p',
    (tag) => {
      expect(isDigestDerivedTag(tag)).toBe(true);
    },
  );

  it.each([
    'latest',
    `sha256:${HEX_64}`,
    `sha256-${HEX_64}0`,
    `sha256-${HEX_64.slice(1)}`,
    `sha256-${HEX_64.toUpperCase()}`,
    `sha256-${HEX_64}.`,
    `sha256-${HEX_64}.exe`,
    `sha256-${HEX_64}.sig.sig`,
    `sha256-${HEX_64}-sig`,
    `xsha256-${HEX_64}`,
    `sha512-${HEX_64}`,
    `sha256-${HEX_64}\n`,
  ])('is false for %p', (tag) => {
    expect(isDigestDerivedTag(tag)).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  parseEntryBundle,
  parseTilePath,
  printEntryBundle,
  printTilePath,
  tileWidth,
} from '../../../src/rekor/tiles.ts';

const GOOD_PATHS: readonly (readonly [string, object])[] = [
  ['tile/0/000', { level: 0, index: 0, width: 256 }],
  ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
  ['tile/1/255.p/1', { level: 1, index: 255, width: 1 }],
  ['tile/entries/x001/000.p/255', { level: 'entries', index: 1_000, width: 255 }],
];

const BAD_PATHS = [
  '',
  'checkpoint',
  'tile/0',
  'tile/0/0',
  'tile/0/0000',
  'tile/0/1000',
  'tile/0/x000/001',
  'tile/6/000',
  'tile/00/000',
  'tile/-1/000',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/0/000.p/01',
  'tile/0/000.p/',
  'tile/0/000/',
  '/tile/0/000',
  'tile/0/../../key.pem',
  'tile/entries/000.p/999',
  'tile/data/000',
  'tile/0/000\n',
];

const tile = fc.record({
  level: fc.constantFrom('entries' as const, 0, 1, 2, 3, 4, 5),
  index: fc.integer({ min: 0, max: 999_999_999_999 }),
  width: fc.integer({ min: 1, max: 256 }),
});

describe('parseTilePath', () => {
  it.each(GOOD_PATHS)('reads %j', (path, expected) => expect(parseTilePath(path)).toEqual(expected));

  it.each(BAD_PATHS)('refuses %j', (path) => expect(parseTilePath(path)).toBeUndefined());

  it('reads what printTilePath writes', () => {
    fc.assert(fc.property(tile, (each) => expect(parseTilePath(printTilePath(each))).toEqual(each)));
  });

  it('takes no text but the one that printTilePath writes', () => {
    fc.assert(
      fc.property(fc.string(), (junk) => {
        const parsed = parseTilePath(`tile/${junk}`);
        expect(parsed === undefined || printTilePath(parsed) === `tile/${junk}`).toBe(true);
      }),
    );
  });
});

describe('tileWidth', () => {
  it.each([
    ['entries' as const, 0, 0, 0],
    ['entries' as const, 0, 255, 255],
    [0, 1, 300, 44],
    [1, 0, 511, 1],
    [1, 0, 65_536, 256],
    [2, 0, 65_535, 0],
  ])('of level %j, index %d in a tree of %d is %d', (level, index, size, expected) => {
    expect(tileWidth(level, index, size)).toBe(expected);
  });
});

describe('parseEntryBundle', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 });

  it('reads what printEntryBundle writes', () => {
    fc.assert(
      fc.property(entries, (each) => {
        const read = parseEntryBundle(printEntryBundle(each)).map((entry) => Uint8Array.from(entry));
        expect(read).toEqual(each.map((entry) => Uint8Array.from(entry)));
      }),
      { numRuns: 50 },
    );
  });

  it('throws nothing but RangeError for junk', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (junk) => {
        try {
          parseEntryBundle(junk);
        } catch (error) {
          expect(String(error)).toMatch(/^RangeError/);
        }
      }),
    );
  });

  it('refuses more than 256 entries', () => {
    expect(() => parseEntryBundle(Buffer.alloc(2 * 257))).toThrow(RangeError);
  });

  it('refuses to write an entry that is longer than its length can say', () => {
    expect(() => printEntryBundle([Buffer.alloc(65_536)])).toThrow(RangeError);
  });
});

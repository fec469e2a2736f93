import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foldRange } from '../../../src/ledger/compact-range.ts';
import { inclusionRanges, rangeNodes } from '../../../src/ledger/merkle-tiles.ts';
import { naiveInclusion, naiveRoot, someLeaves } from '../../support/naive-merkle.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The root of a range as a tile reader makes it: complete subtrees only. */
function rootFromNodes(leaves: readonly Uint8Array[], start: number, end: number): Uint8Array {
  return foldRange(
    rangeNodes(start, end).map(({ level, index }) => {
      const width = 2 ** level;
      return naiveRoot(leaves.slice(index * width, (index + 1) * width));
    }),
  );
}

describe('inclusionRanges', () => {
  it('names the siblings of the naive proof for every leaf of every tree of up to 40 leaves', () => {
    for (let size = 1; size <= 40; size += 1) {
      const leaves = someLeaves(size);
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionRanges(index, size).map(({ start, end }) => rootFromNodes(leaves, start, end));
        expect(proof.map(hex)).toEqual(naiveInclusion(index, leaves).map(hex));
      }
    }
  });

  it.each([
    [1, 1],
    [0, 0],
    [-1, 4],
    [0.5, 4],
    [0, 2 ** 53],
  ])('refuses leaf %p of %p', async (index, size) => {
    expect(await codeOf(() => inclusionRanges(index, size))).toBe('LOG_PROOF_INVALID');
  });
});

describe('rangeNodes', () => {
  it('covers every leaf of the range once, in order, by subtrees that are aligned to their width', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat({ max: 5000 }), (from, length) => {
        const start = from % 2 ** 50;
        let at = start;
        for (const { level, index } of rangeNodes(start, start + length)) {
          expect(index * 2 ** level).toBe(at);
          at += 2 ** level;
        }
        expect(at).toBe(start + length);
      }),
    );
  });

  it('makes the whole tree from the subtrees that its size has', () => {
    expect(rangeNodes(0, 7)).toEqual([
      { level: 2, index: 0 },
      { level: 1, index: 2 },
      { level: 0, index: 6 },
    ]);
  });

  it.each([
    [-1, 1],
    [0, Number.NaN],
  ])('refuses the range from %p to %p', async (start, end) => {
    expect(await codeOf(() => rangeNodes(start, end))).toBe('LOG_PROOF_INVALID');
  });
});

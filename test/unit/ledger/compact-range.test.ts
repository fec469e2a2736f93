import { describe, expect, it } from '@jest/globals';
import { foldRange, makeCompactRange } from '../../../src/ledger/compact-range.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { naiveRoot, someLeaves } from '../../support/naive-merkle.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('makeCompactRange', () => {
  it('has the root of the naive tree after each of 70 leaves, and after a restart in between', () => {
    const leaves = someLeaves(70);
    const range = makeCompactRange();
    expect(hex(range.root())).toBe(hex(naiveRoot([])));
    leaves.forEach((leaf, at) => {
      const restarted = makeCompactRange(range.state());
      range.append(leafHash(leaf));
      restarted.append(leafHash(leaf));
      const expected = hex(naiveRoot(leaves.slice(0, at + 1)));
      expect([hex(range.root()), hex(restarted.root())]).toEqual([expected, expected]);
      expect([range.size, restarted.size]).toEqual([at + 1, at + 1]);
    });
  });

  it('gives a state that survives JSON', () => {
    const range = makeCompactRange();
    for (const leaf of someLeaves(11)) range.append(leafHash(leaf));
    const revived = makeCompactRange(
      JSON.parse(JSON.stringify(range.state())) as ReturnType<typeof range.state>,
    );
    expect(revived.state()).toEqual(range.state());
    expect(hex(revived.root())).toBe(hex(range.root()));
  });

  it('does not share its state with the range that it came from', () => {
    const range = makeCompactRange();
    range.append(leafHash(Buffer.from('a')));
    const before = range.state();
    range.append(leafHash(Buffer.from('b')));
    expect(before.size).toBe(1);
    expect(makeCompactRange(before).size).toBe(1);
  });

  const hash = 'ab'.repeat(32);
  it.each([
    ['a size without hashes', { size: 1, hashes: [] }],
    ['hashes without a size', { size: 0, hashes: [hash] }],
    ['too many hashes', { size: 4, hashes: [hash, hash] }],
    ['a negative size', { size: -1, hashes: [hash] }],
    ['half a size', { size: 1.5, hashes: [hash] }],
    ['an upper-case hash', { size: 1, hashes: [hash.toUpperCase()] }],
    ['a short hash', { size: 1, hashes: ['ab'] }],
  ])('refuses a state with %s', async (_, state) => {
    expect(await codeOf(() => makeCompactRange(state))).toBe('LOG_PROOF_INVALID');
  });
});

describe('foldRange', () => {
  it('refuses a range without subtrees', async () => {
    expect(await codeOf(() => foldRange([]))).toBe('LOG_PROOF_INVALID');
  });
});

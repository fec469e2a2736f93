import { describe, expect, it } from '@jest/globals';
import { rootFromInclusionProof, verifyInclusion } from '../../../src/ledger/inclusion-proof.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { naiveInclusion, naiveRoot, someLeaves } from '../../support/naive-merkle.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const LARGEST = 2 ** 53 - 1;

function proofOf(index: number, treeSize: number) {
  const leaves = someLeaves(treeSize);
  return {
    index,
    treeSize,
    leafHash: leafHash(Buffer.from(`leaf ${index}`)),
    proof: naiveInclusion(index, leaves),
    rootHash: naiveRoot(leaves),
  };
}

describe('verifyInclusion', () => {
  it('accepts the proof of every leaf in every tree of up to 40 leaves', () => {
    for (let size = 1; size <= 40; size += 1) {
      for (let index = 0; index < size; index += 1) {
        expect(() => verifyInclusion(proofOf(index, size))).not.toThrow();
      }
    }
  });

  it('refuses the proof at every other index of the same tree', async () => {
    const good = proofOf(5, 13);
    for (let index = 0; index < 13; index += 1) {
      if (index !== 5)
        expect(await codeOf(() => verifyInclusion({ ...good, index }))).toBe('LOG_PROOF_INVALID');
    }
  });

  const good = proofOf(5, 13);
  const bad: readonly (readonly [string, Partial<typeof good>])[] = [
    ['a hash too few', { proof: good.proof.slice(1) }],
    ['a hash too many', { proof: [...good.proof, good.leafHash] }],
    ['no hashes', { proof: [] }],
    ['hashes in another order', { proof: [...good.proof].reverse() }],
    ['a short hash', { proof: [...good.proof.slice(1), new Uint8Array(31)] }],
    ['another leaf', { leafHash: leafHash(Buffer.from('other')) }],
    ['a short leaf hash', { leafHash: new Uint8Array(31) }],
    ['another root', { rootHash: good.leafHash }],
    ['a larger tree', { treeSize: 17 }],
    ['an index outside the tree', { index: 13 }],
    ['a negative index', { index: -1 }],
    ['half an index', { index: 0.5 }],
    ['an index that is not a number', { index: Number.NaN }],
    ['an endless tree', { treeSize: Number.POSITIVE_INFINITY }],
    ['an empty tree', { index: 0, treeSize: 0 }],
  ];
  it.each(bad)('refuses %s', async (_, change) => {
    expect(await codeOf(() => verifyInclusion({ ...good, ...change }))).toBe('LOG_PROOF_INVALID');
  });
});

describe('rootFromInclusionProof', () => {
  const good = proofOf(5, 13);
  it.each([
    ['a hash too few', { proof: good.proof.slice(1) }],
    ['a hash too many', { proof: [...good.proof, good.leafHash] }],
    ['a leaf behind the end of a tree of one', { index: 1, treeSize: 1, proof: [] }],
    ['a leaf behind the end of a tree of four', { index: 4, treeSize: 4, proof: good.proof.slice(0, 2) }],
  ])('gives no root for %s', async (_, change) => {
    expect(await codeOf(() => rootFromInclusionProof({ ...good, ...change }))).toBe('LOG_PROOF_INVALID');
  });

  it('counts beyond 32 bits: the last leaf of the largest tree that a number can tell', () => {
    const proof = Array.from({ length: 52 }, () => leafHash(new Uint8Array()));
    const root = rootFromInclusionProof({
      index: LARGEST - 1,
      treeSize: LARGEST,
      leafHash: leafHash(Buffer.from('last')),
      proof,
    });
    expect(root).toHaveLength(32);
  });
});

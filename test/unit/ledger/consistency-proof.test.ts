import { describe, expect, it } from '@jest/globals';
import { verifyConsistency } from '../../../src/ledger/consistency-proof.ts';
import { emptyRoot } from '../../../src/ledger/leaf-hash.ts';
import { naiveConsistency, naiveRoot, someLeaves } from '../../support/naive-merkle.ts';
import { codeOf } from '../../support/throw-with-code.ts';

function proofOf(oldSize: number, newSize: number) {
  const leaves = someLeaves(newSize);
  return {
    oldSize,
    newSize,
    oldRoot: naiveRoot(leaves.slice(0, oldSize)),
    newRoot: naiveRoot(leaves),
    proof: oldSize === 0 ? [] : naiveConsistency(oldSize, leaves),
  };
}

describe('verifyConsistency', () => {
  it('accepts the proof between every two sizes up to 33', () => {
    for (let newSize = 0; newSize <= 33; newSize += 1) {
      for (let oldSize = 0; oldSize <= newSize; oldSize += 1) {
        expect(() => verifyConsistency(proofOf(oldSize, newSize))).not.toThrow();
      }
    }
  });

  it('refuses every proof whose old or new root is another', async () => {
    const other = emptyRoot();
    for (let newSize = 1; newSize <= 17; newSize += 1) {
      for (let oldSize = 1; oldSize <= newSize; oldSize += 1) {
        const good = proofOf(oldSize, newSize);
        for (const change of [{ oldRoot: other }, { newRoot: other }]) {
          expect(await codeOf(() => verifyConsistency({ ...good, ...change }))).toBe('LOG_PROOF_INVALID');
        }
      }
    }
  });

  const good = proofOf(6, 13);
  const hash = good.oldRoot;
  const bad: readonly (readonly [string, Partial<typeof good>])[] = [
    ['a tree that shrank', { oldSize: 14 }],
    ['a hash too few', { proof: good.proof.slice(1) }],
    ['a hash too many', { proof: [...good.proof, hash] }],
    ['no hashes', { proof: [] }],
    ['a short hash', { proof: [new Uint8Array(5), ...good.proof.slice(1)] }],
    ['hashes between equal sizes', { oldSize: 13, oldRoot: good.newRoot }],
    ['equal sizes with different roots', { oldSize: 13, proof: [] }],
    ['hashes after the empty tree', { oldSize: 0, oldRoot: emptyRoot() }],
    ['an empty tree with a root of its own', { oldSize: 0, proof: [] }],
    ['a negative size', { oldSize: -1 }],
    ['a size that is not whole', { newSize: 13.5 }],
    ['an old root of 31 bytes', { oldRoot: new Uint8Array(31) }],
  ];
  it.each(bad)('refuses %s', async (_, change) => {
    expect(await codeOf(() => verifyConsistency({ ...good, ...change }))).toBe('LOG_PROOF_INVALID');
  });
});

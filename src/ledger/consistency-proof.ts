import { emptyRoot, sameHash } from './leaf-hash.ts';
import { checkCount, unproven } from './proof-error.ts';
import { checkHashes, climb, half, sidesTo } from './proof-path.ts';

export interface ConsistencyProof {
  readonly oldSize: number;
  readonly newSize: number;
  readonly oldRoot: Uint8Array;
  readonly newRoot: Uint8Array;
  /** Hashes of 32 bytes, from the leaves up. */
  readonly proof: readonly Uint8Array[];
}

const WHAT = 'the consistency proof';

/**
 * Throws LOG_PROOF_INVALID unless the tree of `newSize` begins with the tree of `oldSize` (RFC 9162 section 2.1.4.2).
 * Equal sizes and the empty old tree take an empty proof.
 */
export function verifyConsistency(claimed: ConsistencyProof): void {
  const { oldSize, newSize, oldRoot, newRoot, proof } = claimed;
  checkCount('the old tree size', oldSize);
  checkCount('the new tree size', newSize);
  if (newSize < oldSize) throw unproven(WHAT, `the tree shrank from ${oldSize} to ${newSize} leaves`);
  checkHashes(WHAT, [oldRoot, newRoot, ...proof]);
  if (oldSize === 0 || oldSize === newSize) {
    verifyTrivial(claimed);
    return;
  }
  const roots = rootsFrom(claimed);
  if (!sameHash(roots.old, oldRoot))
    throw unproven(WHAT, `it does not lead to the root of ${oldSize} leaves`);
  if (!sameHash(roots.new, newRoot))
    throw unproven(WHAT, `it does not lead to the root of ${newSize} leaves`);
}

function verifyTrivial({ oldSize, oldRoot, newRoot, proof }: ConsistencyProof): void {
  if (proof.length > 0) throw unproven(WHAT, 'it has hashes where none are needed');
  const expected = oldSize === 0 ? emptyRoot() : newRoot;
  if (!sameHash(oldRoot, expected))
    throw unproven(WHAT, `two trees of ${oldSize} leaves have different roots`);
}

function rootsFrom({ oldSize, newSize, oldRoot, proof }: ConsistencyProof): {
  old: Uint8Array;
  new: Uint8Array;
} {
  let [node, last] = [oldSize - 1, newSize - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // node 0 here: the old tree is one complete subtree, whose root the proof does not repeat
  const [seed, ...siblings] = node === 0 ? [oldRoot, ...proof] : proof;
  if (seed === undefined) throw unproven(WHAT, 'it has no hashes');
  const sides = sidesTo(WHAT, node, last, siblings.length);
  // what stands right of the old tree's edge came later: the old root is made of the left siblings alone
  const isLeft = (_: unknown, at: number): boolean => sides[at] === 'left';
  return {
    old: climb(seed, siblings.filter(isLeft), sides.filter(isLeft)),
    new: climb(seed, siblings, sides),
  };
}

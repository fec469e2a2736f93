import { sameHash } from './leaf-hash.ts';
import { checkCount, unproven } from './proof-error.ts';
import { checkHashes, climb, sidesTo } from './proof-path.ts';

export interface InclusionProof {
  /** Index of the leaf, from 0. */
  readonly index: number;
  readonly treeSize: number;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  /** Sibling hashes of 32 bytes, from the leaf up. */
  readonly proof: readonly Uint8Array[];
}

const WHAT = 'the inclusion proof';

/** The root that the proof leads to (RFC 9162 section 2.1.3.2). Throws LOG_PROOF_INVALID when its length is wrong. */
export function rootFromInclusionProof({ index, treeSize, leafHash, proof }: InclusionProof): Uint8Array {
  checkCount('the leaf index', index);
  checkCount('the tree size', treeSize);
  if (index >= treeSize) throw unproven(WHAT, `leaf ${index} lies outside a tree of ${treeSize}`);
  checkHashes(WHAT, [leafHash, ...proof]);
  return climb(leafHash, proof, sidesTo(WHAT, index, treeSize - 1, proof.length));
}

/** Throws LOG_PROOF_INVALID unless the proof leads to `rootHash`. */
export function verifyInclusion(claimed: InclusionProof & { readonly rootHash: Uint8Array }): void {
  if (!sameHash(rootFromInclusionProof(claimed), claimed.rootHash)) {
    throw unproven(
      WHAT,
      `it does not lead from leaf ${claimed.index} to the root of ${claimed.treeSize} leaves`,
    );
  }
}

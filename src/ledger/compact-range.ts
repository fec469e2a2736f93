import { emptyRoot, HASH_BYTES, nodeHash } from './leaf-hash.ts';
import { checkCount, unproven } from './proof-error.ts';

/** What must be kept to go on appending: JSON-safe. */
export interface CompactRangeState {
  readonly size: number;
  /** Roots of the complete subtrees, largest first, each as 64 hex digits. */
  readonly hashes: readonly string[];
}

/** A Merkle tree of which only the right edge is remembered: append leaves, ask for the root. */
export interface CompactRange {
  append(leafHash: Uint8Array): void;
  readonly size: number;
  /** Root of the leaves so far (RFC 6962 section 2.1). */
  root(): Uint8Array;
  state(): CompactRangeState;
}

const WHAT = 'the saved tree state';
const HEX_HASH = new RegExp(`^[0-9a-f]{${HASH_BYTES * 2}}$`);

/** A range that starts empty, or where `state` stopped. Throws LOG_PROOF_INVALID for a state that no tree can have. */
export function makeCompactRange(state: CompactRangeState = { size: 0, hashes: [] }): CompactRange {
  checkState(state);
  const hashes: Uint8Array[] = state.hashes.map((hex) => Buffer.from(hex, 'hex'));
  let size = state.size;
  return {
    get size() {
      return size;
    },
    append(leafHash) {
      // the subtrees that this leaf completes are the last ones, one for each 1 at the end of the size
      const completed = hashes.splice(hashes.length - trailingOnes(size));
      hashes.push(completed.reduceRight((right, left) => nodeHash(left, right), leafHash));
      size += 1;
    },
    root() {
      return hashes.length === 0 ? emptyRoot() : foldRange(hashes);
    },
    state() {
      return { size, hashes: hashes.map((hash) => Buffer.from(hash).toString('hex')) };
    },
  };
}

/** Combines the roots of complete subtrees, given left to right, from the right. Throws LOG_PROOF_INVALID for none. */
export function foldRange(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) throw unproven('an empty range of leaves', 'it has no root');
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

function trailingOnes(size: number): number {
  let count = 0;
  for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) count += 1;
  return count;
}

function checkState({ size, hashes }: CompactRangeState): void {
  checkCount(`${WHAT}'s size`, size);
  if (hashes.length !== subtreeCount(size)) {
    throw unproven(WHAT, `${hashes.length} subtrees do not make a tree of ${size} leaves`);
  }
  if (!hashes.every((hash) => HEX_HASH.test(hash)))
    throw unproven(WHAT, 'one of its hashes is not 64 hex digits');
}

/** One complete subtree for each 1 in the binary form of the size. */
function subtreeCount(size: number): number {
  return size.toString(2).replaceAll('0', '').length;
}

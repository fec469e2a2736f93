import { foldRange } from '../../ledger/compact-range.ts';
import { emptyRoot, HASH_BYTES, nodeHash } from '../../ledger/leaf-hash.ts';
import { inclusionRanges, rangeNodes } from '../../ledger/merkle-tiles.ts';

const FIRST_CAPACITY = 1_024;
const EMPTY_LEVEL = Buffer.alloc(0);

/** All complete nodes of a Merkle tree in memory, 64 bytes a leaf. */
export interface LogTree {
  size(): number;
  append(leafHash: Uint8Array): void;
  /** Forgets all leaves from `size` on. */
  truncate(size: number): void;
  /** The hash of the complete subtree over the leaves [index * 2^level, (index + 1) * 2^level). */
  node(level: number, index: number): Uint8Array;
  /** RFC 6962 section 2.1 root of the first `size` leaves. */
  root(size: number): Uint8Array;
  /** RFC 6962 section 2.1.1 audit path of a leaf in the tree of the first `size` leaves. */
  inclusionProof(index: number, size: number): readonly Uint8Array[];
}

export function makeLogTree(): LogTree {
  const levels: Buffer[] = [];
  let size = 0;

  function node(level: number, index: number): Uint8Array {
    const at = index * HASH_BYTES;
    return (levels[level] ?? EMPTY_LEVEL).subarray(at, at + HASH_BYTES);
  }

  function put(level: number, index: number, hash: Uint8Array): void {
    let bytes = levels[level] ?? Buffer.alloc(FIRST_CAPACITY * HASH_BYTES);
    if ((index + 1) * HASH_BYTES > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
    bytes.set(hash, index * HASH_BYTES);
    levels[level] = bytes;
  }

  function rangeHash(start: number, end: number): Uint8Array {
    return foldRange(rangeNodes(start, end).map(({ level, index }) => node(level, index)));
  }

  return {
    size: () => size,
    node,
    append(leafHash) {
      put(0, size, leafHash);
      size += 1;
      // a level gains a node when the one below has gained a pair
      let index = size;
      for (let level = 1; index % 2 === 0; level += 1) {
        put(level, index / 2 - 1, nodeHash(node(level - 1, index - 2), node(level - 1, index - 1)));
        index /= 2;
      }
    },
    truncate(to) {
      size = to;
    },
    root: (to) => (to === 0 ? emptyRoot() : rangeHash(0, to)),
    inclusionProof: (index, to) => inclusionRanges(index, to).map(({ start, end }) => rangeHash(start, end)),
  };
}

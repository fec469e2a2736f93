import { checkCount, unproven } from './proof-error.ts';

/** The leaves [start, end). */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** A complete subtree of 2^level leaves, the first of which is leaf index * 2^level (the coordinates of C2SP tlog-tiles). */
export interface SubtreeNode {
  readonly level: number;
  readonly index: number;
}

/**
 * The sibling ranges whose roots make the inclusion proof of leaf `index` in a tree of `treeSize`, from the leaf up
 * (RFC 6962 section 2.1.1). Throws LOG_PROOF_INVALID for an index outside the tree.
 */
export function inclusionRanges(index: number, treeSize: number): readonly LeafRange[] {
  checkCount('the leaf index', index);
  checkCount('the tree size', treeSize);
  if (index >= treeSize) throw unproven('the leaf index', `leaf ${index} lies outside a tree of ${treeSize}`);
  const ranges: LeafRange[] = [];
  let [start, end] = [0, treeSize];
  while (end - start > 1) {
    const middle = start + largestPowerBelow(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The complete subtrees that make up a range, left to right; foldRange of their roots is the range's root for the whole
 * tree and for every range of inclusionRanges.
 */
export function rangeNodes(start: number, end: number): readonly SubtreeNode[] {
  checkCount('the start of the range', start);
  checkCount('the end of the range', end);
  const nodes: SubtreeNode[] = [];
  for (let at = start; at < end;) {
    let [level, width] = [0, 1];
    while (at % (2 * width) === 0 && at + 2 * width <= end) [level, width] = [level + 1, 2 * width];
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The largest power of two below `count`, which is at least 2. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

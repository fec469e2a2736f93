import { HASH_BYTES, nodeHash } from './leaf-hash.ts';
import { unproven } from './proof-error.ts';

/** On which side of the running hash the next sibling stands. */
export type Side = 'left' | 'right';

/**
 * The sides of the siblings on the way from `node` to the root, where `last` is the last node of the same level; levels
 * at which the node has no sibling are skipped (the loops of RFC 9162 sections 2.1.3.2 and 2.1.4.2). Throws
 * LOG_PROOF_INVALID unless they are exactly `count`.
 */
export function sidesTo(what: string, node: number, last: number, count: number): readonly Side[] {
  const sides: Side[] = [];
  for (; last > 0; [node, last] = [half(node), half(last)]) {
    if (node % 2 === 1) sides.push('left');
    else if (node < last) sides.push('right');
  }
  if (sides.length === count) return sides;
  throw unproven(what, `it has ${count} hashes and needs ${sides.length}`);
}

/** The root above `start`, given its siblings from below. */
export function climb(
  start: Uint8Array,
  siblings: readonly Uint8Array[],
  sides: readonly Side[],
): Uint8Array {
  return siblings.reduce(
    (root, sibling, at) => (sides[at] === 'left' ? nodeHash(sibling, root) : nodeHash(root, sibling)),
    start,
  );
}

/** Throws LOG_PROOF_INVALID unless each has 32 bytes. */
export function checkHashes(what: string, hashes: readonly Uint8Array[]): void {
  if (hashes.every((each) => each.length === HASH_BYTES)) return;
  throw unproven(what, `one of its hashes is not ${HASH_BYTES} bytes long`);
}

export function half(count: number): number {
  return Math.floor(count / 2);
}

import { AppError } from '../errors/app-error.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { foldRange, makeCompactRange } from '../ledger/compact-range.ts';
import { leafHash, nodeHash, sameHash } from '../ledger/leaf-hash.ts';
import { rangeNodes } from '../ledger/merkle-tiles.ts';
import type { LogReader } from './ports.ts';
import type { VerifiedRange } from './tail.ts';

/**
 * The range of a log's newest tree out of the path of its last leaf, for who wants to know only what comes after it. It
 * has the signed root; what stands below was not looked at. Throws LOG_UNAVAILABLE, LOG_PROOF_INVALID.
 */
export async function readLogEnd(
  reader: Pick<LogReader, 'checkpoint' | 'leaves' | 'lastPath'>,
  signal: AbortSignal,
): Promise<VerifiedRange> {
  const checkpoint = await reader.checkpoint(signal);
  const { treeSize } = checkpoint;
  if (treeSize === 0) return { range: makeCompactRange().state(), checkpoint, leaves: 0 };
  const path = (await reader.lastPath?.(treeSize, signal)) ?? [];
  const hashes = edgeOf(await lastLeaf(reader, treeSize, signal), path, treeSize);
  if (!sameHash(foldRange(hashes), checkpoint.rootHash)) throw unproven(checkpoint);
  const range = { size: treeSize, hashes: hashes.map((hash) => Buffer.from(hash).toString('hex')) };
  return { range: makeCompactRange(range).state(), checkpoint, leaves: 0 };
}

/** Roots of the complete subtrees, largest first: the last one has the leaf in it, the others stand in its path. */
function edgeOf(leaf: Uint8Array, path: readonly Uint8Array[], treeSize: number): readonly Uint8Array[] {
  const inLast = rangeNodes(0, treeSize).at(-1)?.level ?? 0;
  const last = path.slice(0, inLast).reduce((right, left) => nodeHash(left, right), leaf);
  return [...path.slice(inLast).reverse(), last];
}

async function lastLeaf(
  reader: Pick<LogReader, 'leaves'>,
  treeSize: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let last: Uint8Array = Buffer.alloc(0);
  for await (const { entries } of reader.leaves(treeSize - 1, treeSize, signal))
    last = entries.at(-1) ?? last;
  return leafHash(last);
}

function unproven({ origin, treeSize }: Checkpoint): AppError {
  return new AppError({
    code: 'LOG_PROOF_INVALID',
    message:
      `cannot start at the end of the log ${origin}: the path of its last leaf does not lead to the root of its ` +
      `checkpoint of size ${treeSize}; read it from the start`,
  });
}

import type { Checkpoint } from '../ledger/checkpoint.ts';
import type { LeafBatch } from '../protocol/ports.ts';
import { TILE_WIDTH, tileWidth } from './tiles.ts';
import type { TileReader } from './tile-reader.ts';

export interface LeafSource {
  readonly tiles: TileReader;
  readonly checkpoint: (signal: AbortSignal) => Promise<Checkpoint>;
}

/** The leaves [from, to), one batch for each bundle of entries, as LogReader.leaves. */
export async function* readLeaves(
  source: LeafSource,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<LeafBatch> {
  for (let start = from; start < to;) {
    const index = Math.floor(start / TILE_WIDTH);
    const first = index * TILE_WIDTH;
    const end = Math.min(to, first + TILE_WIDTH);
    const width = await publishedWidth(source, { index, width: end - first }, signal);
    const entries = await source.tiles.entries(index, width, signal);
    yield { start, entries: entries.slice(start - first, end - first) };
    start = end;
  }
}

/** Partial bundles exist only in the widths of past checkpoints, and `to` need not be one of them. */
async function publishedWidth(
  { checkpoint }: LeafSource,
  { index, width }: { readonly index: number; readonly width: number },
  signal: AbortSignal,
): Promise<number> {
  if (width === TILE_WIDTH) return width;
  const { treeSize } = await checkpoint(signal);
  return Math.max(width, tileWidth('entries', index, treeSize));
}

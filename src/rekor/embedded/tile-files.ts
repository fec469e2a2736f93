import type { LogFolder } from './log-folder.ts';
import type { LogTree } from './log-tree.ts';
import { printEntryBundle, printTilePath, TILE_HEIGHT, TILE_WIDTH, tileWidth, type Tile } from '../tiles.ts';

export const TILES_FOLDER = 'tiles';
/** Tile levels that a tree of at most 2^48 leaves can have. */
const MAX_LEVELS = 6;
/** No commit is wider, so no unsigned tail is longer. */
export const MAX_COMMIT_ENTRIES = 1_024;

/** Where a tile lies in the log's folder. */
export function tileFile(tile: Tile): string {
  return `${TILES_FOLDER}/${printTilePath(tile)}`;
}

/** The hashes of a tile of the tree of the first `treeSize` leaves. */
export function tileBytes(
  tree: LogTree,
  level: number,
  { index, width }: { index: number; width: number },
): Uint8Array {
  const first = index * TILE_WIDTH;
  const hashes = Array.from({ length: width }, (_, i) => tree.node(level * TILE_HEIGHT, first + i));
  return Buffer.concat(hashes);
}

/** The tiles of one level that differ between two sizes of the tree, as they are in the larger one. */
export function changedTiles(level: number | 'entries', oldSize: number, newSize: number): readonly Tile[] {
  const span = TILE_WIDTH ** (level === 'entries' ? 0 : level);
  const [from, to] = [Math.floor(oldSize / span), Math.floor(newSize / span)];
  const tiles: Tile[] = [];
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < to && from < to; index += 1) {
    tiles.push({ level, index, width: tileWidth(level, index, newSize) });
  }
  return tiles;
}

/** Tile levels of a tree of this size. */
export function tileLevels(size: number): readonly number[] {
  return Array.from({ length: MAX_LEVELS }, (_, level) => level).filter(
    (level) => size >= TILE_WIDTH ** level,
  );
}

/**
 * Writes all files that a growth of the tree makes; nothing of it counts before a checkpoint covers it.
 * `entries` are those since the last full bundle before `oldSize`.
 */
export async function writeTiles(
  folder: LogFolder,
  tree: LogTree,
  growth: { readonly oldSize: number; readonly entries: readonly Uint8Array[] },
): Promise<void> {
  const { oldSize, entries } = growth;
  const firstBundle = Math.floor(oldSize / TILE_WIDTH);
  for (const tile of changedTiles('entries', oldSize, tree.size())) {
    const start = (tile.index - firstBundle) * TILE_WIDTH;
    await folder.put(tileFile(tile), printEntryBundle(entries.slice(start, start + tile.width)));
  }
  for (const level of tileLevels(tree.size())) {
    for (const tile of changedTiles(level, oldSize, tree.size())) {
      await folder.put(tileFile(tile), tileBytes(tree, level, tile));
    }
  }
}

/** Removes the tiles beyond the signed tree: an unsigned tail is not part of the log. */
export async function removeTail(folder: LogFolder, size: number): Promise<void> {
  await folder.clearDrafts();
  for (const level of ['entries' as const, ...tileLevels(size + MAX_COMMIT_ENTRIES)]) {
    for (const { index } of changedTiles(level, size, size + MAX_COMMIT_ENTRIES + TILE_WIDTH)) {
      await removeTileBeyond(folder, { level, index, width: tileWidth(level, index, size) });
    }
  }
}

/** The partial tiles that a full one replaces. */
export async function removePartials(folder: LogFolder, oldSize: number, newSize: number): Promise<void> {
  for (const level of ['entries' as const, ...tileLevels(newSize)]) {
    const full = changedTiles(level, oldSize, newSize).filter(({ width }) => width === TILE_WIDTH);
    for (const tile of full) await folder.remove(`${tileFile(tile)}.p`);
  }
}

async function removeTileBeyond(folder: LogFolder, signed: Tile): Promise<void> {
  const full = tileFile({ ...signed, width: TILE_WIDTH });
  if (signed.width < TILE_WIDTH) await folder.remove(full);
  for (const name of await folder.list(`${full}.p`)) {
    if (Number(name) > signed.width) await folder.remove(`${full}.p/${name}`);
  }
}

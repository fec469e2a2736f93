import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { Checkpoint } from '../../ledger/checkpoint.ts';
import { leafHash, sameHash } from '../../ledger/leaf-hash.ts';
import { parseEntryBundle, TILE_WIDTH, tileWidth } from '../tiles.ts';
import { makeLeafIndex } from './leaf-index.ts';
import type { LogFolder } from './log-folder.ts';
import type { LoadedTree } from './log-store.ts';
import { makeLogTree, type LogTree } from './log-tree.ts';
import { changedTiles, removeTail, tileBytes, tileFile, tileLevels } from './tile-files.ts';

/**
 * Rebuilds the tree from the first leaf and demands the root that the checkpoint signs. Files beyond the checkpoint
 * are removed, and hash tiles, which only repeat what the entries say, are repaired. Throws LOG_FORKED.
 */
export async function loadLog(folder: LogFolder, published: Checkpoint): Promise<LoadedTree> {
  const tree = makeLogTree();
  const index = makeLeafIndex((at) => tree.node(0, at));
  const { treeSize } = published;
  let lastEntries: readonly Uint8Array[] = [];
  for (let bundle = 0; bundle * TILE_WIDTH < treeSize; bundle += 1) {
    const entries = await readBundle(folder, bundle, treeSize);
    for (const entry of entries) {
      tree.append(leafHash(entry));
      index.add(tree.size() - 1);
    }
    lastEntries = entries.length < TILE_WIDTH ? entries : [];
  }
  if (!sameHash(tree.root(treeSize), published.rootHash)) {
    throw logForked(
      folder.dir,
      `its entries do not make the tree of ${treeSize} leaves that its checkpoint signs`,
    );
  }
  await removeTail(folder, treeSize);
  await repairTiles(folder, tree);
  return { tree, index, lastEntries, published };
}

/** The files of a log contradict one another: no write may build on them. */
export function logForked(dir: string, why: string, cause?: unknown): AppError {
  const todo = 'restore the whole folder from a backup, or move it away to start a new log';
  return new AppError({
    code: 'LOG_FORKED',
    message: `cannot open the log in ${quote(dir)}: ${why}; ${todo}`,
    cause,
  });
}

async function readBundle(
  folder: LogFolder,
  index: number,
  treeSize: number,
): Promise<readonly Uint8Array[]> {
  const width = tileWidth('entries', index, treeSize);
  const file = tileFile({ level: 'entries', index, width });
  const bytes = await folder.read(file);
  if (bytes === undefined) throw logForked(folder.dir, `its file ${quote(file)} is missing`);
  try {
    const entries = parseEntryBundle(bytes);
    if (entries.length !== width) throw new RangeError(`${entries.length} entries instead of ${width}`);
    return entries;
  } catch (cause) {
    throw logForked(folder.dir, `its file ${quote(file)} is damaged`, cause);
  }
}

async function repairTiles(folder: LogFolder, tree: LogTree): Promise<void> {
  for (const level of tileLevels(tree.size())) {
    for (const tile of changedTiles(level, 0, tree.size())) {
      const bytes = tileBytes(tree, level, tile);
      const onDisk = await folder.read(tileFile(tile));
      if (onDisk === undefined || Buffer.compare(onDisk, bytes) !== 0)
        await folder.put(tileFile(tile), bytes);
    }
  }
  await folder.sync();
}

import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { Checkpoint } from '../../ledger/checkpoint.ts';
import { leafHash } from '../../ledger/leaf-hash.ts';
import { TILE_WIDTH } from '../tiles.ts';
import type { LeafIndex } from './leaf-index.ts';
import type { Lock } from './lock.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogKey } from './log-key.ts';
import type { LogTree } from './log-tree.ts';
import { removePartials, removeTail, TILES_FOLDER, writeTiles } from './tile-files.ts';

export const CHECKPOINT_FILE = `${TILES_FOLDER}/checkpoint`;

/** A log as it is on the disk. */
export interface LoadedTree {
  readonly tree: LogTree;
  readonly index: LeafIndex;
  /** The entries since the last full bundle. */
  readonly lastEntries: readonly Uint8Array[];
  readonly published: Checkpoint;
}

export interface LogStoreOptions {
  readonly folder: LogFolder;
  readonly key: LogKey;
  readonly lock: Lock;
  readonly loaded: LoadedTree;
}

/** The tree, its files and its published checkpoint, which always agree. Used by one writer at a time. */
export interface LogStore {
  published(): Checkpoint;
  find(leafHash: Uint8Array): number | undefined;
  /** RFC 6962 audit path in a published tree. */
  inclusionProof(index: number, treeSize: number): readonly Uint8Array[];
  /**
   * Appends entries, new ones only, and publishes a checkpoint that covers them. When it throws, none of them is
   * acknowledged; those that a checkpoint covers nevertheless are found by their hash. None at all waits for the disk.
   */
  commit(bodies: readonly Uint8Array[]): Promise<void>;
  /** Removes files that nobody needs any more. */
  tidy(): Promise<void>;
}

export function makeLogStore({ folder, key, lock, loaded }: LogStoreOptions): LogStore {
  const { tree, index } = loaded;
  let { published, lastEntries } = loaded;
  let tidyFrom = published.treeSize;
  let hasTail = false;

  async function assertSoleWriter(): Promise<void> {
    const onDisk = await folder.read(CHECKPOINT_FILE);
    const same = onDisk !== undefined && Buffer.from(onDisk).toString('utf8') === published.note;
    if (same && (await lock.isHeld())) return;
    const message = `cannot write to the log in ${quote(folder.dir)}: another process wrote to it; stop all processes that use it and start one`;
    throw new AppError({ code: 'LOG_IN_USE', message });
  }

  async function grow(entries: readonly Uint8Array[]): Promise<void> {
    const oldSize = published.treeSize;
    await writeTiles(folder, tree, { oldSize, entries });
    // a checkpoint must never reach the disk before the leaves that it signs
    await folder.sync();
    await assertSoleWriter();
    const next = { origin: published.origin, treeSize: tree.size(), rootHash: tree.root(tree.size()) };
    const note = key.signCheckpoint(next);
    await folder.put(CHECKPOINT_FILE, Buffer.from(note, 'utf8'));
    // from here on the checkpoint is public: what it covers is the log, whatever else fails
    published = { ...next, note };
    for (let at = oldSize; at < next.treeSize; at += 1) index.add(at);
    lastEntries = entries.slice(Math.floor(entries.length / TILE_WIDTH) * TILE_WIDTH);
    hasTail = false;
  }

  return {
    published: () => published,
    find: (hash) => index.find(hash),
    inclusionProof: (at, treeSize) => tree.inclusionProof(at, treeSize),
    async commit(bodies) {
      if (hasTail) await removeTail(folder, published.treeSize);
      hasTail = bodies.length > 0;
      if (bodies.length > 0) {
        for (const body of bodies) tree.append(leafHash(body));
        try {
          await grow([...lastEntries, ...bodies]);
        } finally {
          tree.truncate(published.treeSize);
        }
      }
      await folder.sync();
    },
    async tidy() {
      await removePartials(folder, tidyFrom, published.treeSize);
      tidyFrom = published.treeSize;
    },
  };
}

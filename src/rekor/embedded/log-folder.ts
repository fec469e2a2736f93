import { dirname, join } from 'node:path';
import type { Disk } from './disk.ts';

/** The files of an embedded log. `tiles/` alone may be served by a static server: the key stands beside it. */
export interface LogFolder {
  readonly dir: string;
  read(name: string): Promise<Uint8Array | undefined>;
  list(name: string): Promise<readonly string[]>;
  /** Puts a file under its name, whole or not at all; its name is on the disk after `sync`. */
  put(name: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Waits until the names of all that was put are on the disk. */
  sync(): Promise<void>;
  remove(name: string): Promise<void>;
  /** Removes what broken writes left behind. */
  clearDrafts(): Promise<void>;
}

const DRAFTS = 'drafts';

export function makeLogFolder(disk: Disk, dir: string): LogFolder {
  const known = new Set<string>();
  const unsynced = new Set<string>();
  let drafts = 0;

  /** The names of new folders must be on the disk too, up to the log's own. */
  async function makeFolder(name: string): Promise<void> {
    if (known.has(name)) return;
    await disk.makeFolder(join(dir, name));
    for (let at = name; at !== '.'; at = dirname(at)) unsynced.add(dirname(at));
    known.add(name);
  }

  return {
    dir,
    read: (name) => disk.read(join(dir, name)),
    list: (name) => disk.list(join(dir, name)),
    async put(name, bytes, mode) {
      await makeFolder(DRAFTS);
      await makeFolder(dirname(name));
      drafts += 1;
      const draft = join(dir, DRAFTS, String(drafts));
      await disk.create(draft, bytes, mode);
      await disk.rename(draft, join(dir, name));
      unsynced.add(dirname(name));
    },
    async sync() {
      for (const folder of unsynced) {
        await disk.syncFolder(join(dir, folder));
        unsynced.delete(folder);
      }
    },
    async remove(name) {
      known.delete(name);
      unsynced.delete(name);
      await disk.remove(join(dir, name));
    },
    async clearDrafts() {
      known.delete(DRAFTS);
      await disk.remove(join(dir, DRAFTS));
    },
  };
}

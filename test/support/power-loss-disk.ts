import { basename, dirname } from 'node:path';
import type { Disk } from '../../src/store/directory/disk.ts';

interface File {
  readonly kind: 'file';
  text: string;
  /** What is on the disk; undefined: nothing yet. */
  synced: string | undefined;
}

interface Folder {
  readonly kind: 'folder';
  readonly names: Map<string, File | Folder>;
  /** The names that are on the disk. */
  synced: ReadonlyMap<string, File | Folder>;
  changes: bigint;
}

export interface PowerLossDisk {
  readonly disk: Disk;
  /** The call after `calls` more ones fails, as do all after it: the machine has stopped. */
  stopAfter(calls: number): void;
  /**
   * What a restart finds. `least`: only what was synced; `most`: every name, but of its bytes only what was synced. A
   * real disk is somewhere between.
   */
  afterPowerLoss(kept: 'least' | 'most'): PowerLossDisk;
}

/** A file system in memory that forgets what nobody waited for; `between` runs before each call. */
export function makePowerLossDisk(between: () => Promise<void> = () => Promise.resolve()): PowerLossDisk {
  return diskOf(newFolder(), between);
}

function diskOf(root: Folder, between: () => Promise<void>): PowerLossDisk {
  let left = Infinity;

  async function step(): Promise<void> {
    await between();
    left -= 1;
    if (left < 0) throw errno('EIO');
  }

  function at(path: string): File | Folder | undefined {
    let found: File | Folder | undefined = root;
    for (const name of path.split('/').filter(Boolean)) {
      found = found?.kind === 'folder' ? found.names.get(name) : undefined;
    }
    return found;
  }

  function folderAt(path: string): Folder {
    const found = at(path);
    if (found?.kind !== 'folder') throw errno('ENOENT');
    return found;
  }

  function put(path: string, entry: File | Folder): void {
    const folder = folderAt(dirname(path));
    folder.names.set(basename(path), entry);
    folder.changes += 1n;
  }

  const disk: Disk = {
    async list(folder) {
      await step();
      return at(folder) === undefined ? [] : [...folderAt(folder).names.keys()];
    },
    async read(path) {
      await step();
      const found = at(path);
      return found?.kind === 'file' ? Buffer.from(found.text) : undefined;
    },
    async create(path) {
      await step();
      const before = at(path);
      const file: File = before?.kind === 'file' ? before : { kind: 'file', text: '', synced: undefined };
      file.text = '';
      if (before === undefined) put(path, file);
      return {
        async write(text) {
          await step();
          file.text = text;
        },
        async sync() {
          await step();
          file.synced = file.text;
        },
        close: () => Promise.resolve(),
      };
    },
    async link(from, to) {
      await step();
      const file = at(from);
      if (file === undefined) throw errno('ENOENT');
      if (at(to) !== undefined) return false;
      put(to, file);
      return true;
    },
    async remove(path) {
      await step();
      const folder = folderAt(dirname(path));
      if (folder.names.delete(basename(path))) folder.changes += 1n;
    },
    async makeFolder(path) {
      await step();
      const missing = [];
      for (let folder = path; at(folder) === undefined; folder = dirname(folder)) missing.unshift(folder);
      for (const folder of missing) put(folder, newFolder());
      return missing[0];
    },
    async syncFolder(path) {
      await step();
      const folder = folderAt(path);
      folder.synced = new Map(folder.names);
    },
    async changedAt(path) {
      await step();
      const found = at(path);
      return found?.kind === 'folder' ? found.changes : found && 0n;
    },
  };

  return {
    disk,
    stopAfter(calls) {
      left = calls;
    },
    afterPowerLoss: (kept) => diskOf(survivorsIn(root, kept), between),
  };
}

function newFolder(): Folder {
  return { kind: 'folder', names: new Map(), synced: new Map(), changes: 0n };
}

function survivorsIn(folder: Folder, kept: 'least' | 'most'): Folder {
  const names = new Map<string, File | Folder>();
  for (const [name, entry] of kept === 'least' ? folder.synced : folder.names) {
    names.set(name, entry.kind === 'folder' ? survivorsIn(entry, kept) : survivorOf(entry));
  }
  return { ...newFolder(), names, synced: new Map(names) };
}

function survivorOf({ synced }: File): File {
  return { kind: 'file', text: synced ?? '', synced };
}

function errno(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

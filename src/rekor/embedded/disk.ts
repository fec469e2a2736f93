import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { systemCode } from '../../errors/system-code.ts';

/** The few things that the log does to a file system; tests make the n-th call fail. */
export interface Disk {
  /** The whole file, or undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes a new file and waits until its bytes are on the disk. Fails when it exists. */
  create(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>;
  /** Makes the folder and its parents. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder, none when it does not exist. */
  list(path: string): Promise<readonly string[]>;
  /** Removes a file or a folder with all in it; nothing to remove is fine. */
  remove(path: string): Promise<void>;
  /** Waits until the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
}

export function makeDisk(): Disk {
  return {
    read: (path) => orUndefined(readFile(path)),
    create: writeThrough,
    rename,
    async makeFolder(path) {
      await mkdir(path, { recursive: true });
    },
    list: async (path) => (await orUndefined(readdir(path))) ?? [],
    async remove(path) {
      await rm(path, { recursive: true, force: true });
    },
    syncFolder,
  };
}

async function writeThrough(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

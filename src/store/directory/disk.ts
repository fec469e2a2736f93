import { link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { systemCode } from '../../errors/system-code.ts';

/** A file that is being written. */
export interface NewFile {
  write(text: string): Promise<void>;
  /** Waits until what was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The few things that the directory store does to a file system; tests pull the plug between any two of them. */
export interface Disk {
  /** Names in a folder; none when it does not exist. */
  list(folder: string): Promise<readonly string[]>;
  /** The bytes of a file, of a larger one its first `limit + 1`; undefined when there is none. */
  read(path: string, limit: number): Promise<Uint8Array | undefined>;
  /** An empty file, for this user alone; what was there before is gone. */
  create(path: string): Promise<NewFile>;
  /** Gives a file a second name; false where that is taken. */
  link(from: string, to: string): Promise<boolean>;
  /** Nothing to remove is fine. */
  remove(path: string): Promise<void>;
  /** Makes a folder and its parents, for this user alone; gives the first one that was missing. */
  makeFolder(path: string): Promise<string | undefined>;
  /** Waits until the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
  /** When a file, or the names in a folder, last changed: nanoseconds; undefined when there is none. */
  changedAt(path: string): Promise<bigint | undefined>;
}

export function makeDisk(): Disk {
  return {
    list: async (folder) => (await orUndefined(readdir(folder))) ?? [],
    read,
    create,
    link: tryLink,
    remove: (path) => rm(path, { force: true }),
    makeFolder: (path) => mkdir(path, { recursive: true, mode: 0o700 }),
    syncFolder,
    changedAt: async (path) => (await orUndefined(stat(path, { bigint: true })))?.mtimeNs,
  };
}

export function isErrno(error: unknown, code: string): boolean {
  return systemCode(error) === code;
}

async function read(path: string, limit: number): Promise<Uint8Array | undefined> {
  const file = await orUndefined(open(path, 'r'));
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size <= limit) return await file.readFile();
    const { buffer } = await file.read(Buffer.alloc(limit + 1), 0, limit + 1, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

async function create(path: string): Promise<NewFile> {
  const file = await open(path, 'w', 0o600);
  return {
    write: (text) => file.writeFile(text, 'utf8'),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
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

async function orUndefined<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

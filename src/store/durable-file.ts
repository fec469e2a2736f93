import { dirname, join } from 'node:path';
import { type Disk, makeDisk } from './directory/disk.ts';

export { isErrno } from './directory/disk.ts';

/** Makes a folder and its parents, for this user alone; a folder made here survives a power loss. */
export async function makeFolder(path: string, disk: Disk = makeDisk()): Promise<void> {
  const made = await disk.makeFolder(path);
  if (made !== undefined) await syncUp(path, made, disk);
}

/** Makes `root` and folders below; each survives a power loss when this resolves, whoever made it. */
export function makeFolders(root: string, disk: Disk): (path: string) => Promise<void> {
  const durable = new Map<string, Promise<void>>();
  return async (path) => {
    const made = await disk.makeFolder(path);
    const before = durable.get(path);
    if (made === undefined && before !== undefined) return before;
    // a folder that is there may be one that another process made just now and has not synced
    const top = made !== undefined && made.length < root.length ? made : root;
    const synced = syncUp(path, top, disk);
    durable.set(path, synced);
    synced.catch(() => durable.delete(path));
    return synced;
  };
}

/**
 * Creates `path` with all of `text`, or not at all: written aside, synced, then linked under its name, so that neither
 * a crash nor a second writer can leave or see half a file. Resolves to false where the name is taken; when it
 * resolves the file, whoever wrote it, survives a power loss.
 */
export async function createDurably(
  path: string,
  text: string,
  asideName: string,
  disk: Disk = makeDisk(),
): Promise<boolean> {
  const folder = dirname(path);
  const aside = join(folder, `.${asideName}.tmp`);
  try {
    await writeSynced(aside, text, disk);
    const isNew = await disk.link(aside, path);
    // also where it is another's: whoever reads it may tell of it, so its name must survive a power loss, too
    await disk.syncFolder(folder);
    return isNew;
  } finally {
    await disk.remove(aside);
  }
}

/** Leaves an empty file that survives a power loss, whoever made it first. */
export async function markDurably(path: string, disk: Disk): Promise<void> {
  const file = await disk.create(path);
  await file.close();
  await disk.syncFolder(dirname(path));
}

async function writeSynced(path: string, text: string, disk: Disk): Promise<void> {
  const file = await disk.create(path);
  try {
    await file.write(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Only a synced folder remembers a new name after a power loss: those of `top` down to `path`. */
async function syncUp(path: string, top: string, disk: Disk): Promise<void> {
  for (let folder = path; folder.length >= top.length; folder = dirname(folder)) {
    await disk.syncFolder(dirname(folder));
  }
}

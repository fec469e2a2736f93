import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Makes a folder and its parents, for this user alone; a folder made here survives a power loss. */
export async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  for (let folder = path; folder.length >= made.length; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
  }
}

/**
 * Creates `path` with all of `text`, or not at all: written aside, synced, then linked under its name, so that neither
 * a crash nor a second writer can leave or see half a file. Resolves to false where the name is taken; when it
 * resolves the file, whoever wrote it, survives a power loss.
 */
export async function createDurably(path: string, text: string, asideName: string): Promise<boolean> {
  const folder = dirname(path);
  const aside = join(folder, `.${asideName}.tmp`);
  try {
    await writeSynced(aside, text);
    try {
      await link(aside, path);
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      // whoever reads what is there may tell others of it, so its name must survive a power loss, too
      await syncFolder(folder);
      return false;
    }
    await syncFolder(folder);
    return true;
  } finally {
    await rm(aside, { force: true });
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Only a synced folder remembers a new name after a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

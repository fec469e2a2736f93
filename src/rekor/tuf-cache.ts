import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { systemCode } from '../errors/system-code.ts';

/** By path below the folder. */
type Files = ReadonlyMap<string, Uint8Array>;

/** A copy of a shared folder, for one that writes its files in place and reads them while others do. */
export interface WorkingCopy extends AsyncDisposable {
  readonly folder: string;
  /** Puts what has changed into the shared folder; each file is seen whole or not at all. Throws system errors. */
  publish(): Promise<void>;
}

/** The copy is empty where the shared folder cannot be read. */
export async function copyOf(shared: string): Promise<WorkingCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'tagseal-tuf-'));
  const before = await filesIn(shared);
  for (const [path, bytes] of before) await put(join(folder, path), bytes);
  return {
    folder,
    async publish() {
      for (const [path, bytes] of await filesIn(folder)) {
        // what another process has renewed meanwhile must not go back to what was copied
        if (same(before.get(path), bytes)) continue;
        await replace(shared, path, bytes);
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

const HALF = '.half-';

async function replace(shared: string, path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(shared, path)), { recursive: true, mode: 0o700 });
  const half = await mkdtemp(join(shared, HALF));
  try {
    await writeFile(join(half, 'file'), bytes, { flush: true, mode: 0o600 });
    await rename(join(half, 'file'), join(shared, path));
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, bytes);
}

function same(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

async function filesIn(folder: string): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const path of await pathsIn(folder)) {
    const bytes = await readIfThere(path);
    if (bytes !== undefined) files.set(relative(folder, path), bytes);
  }
  return files;
}

async function pathsIn(folder: string): Promise<readonly string[]> {
  try {
    const all = await readdir(folder, { recursive: true, withFileTypes: true });
    return all
      .filter((each) => each.isFile() && !each.parentPath.includes(HALF))
      .map((each) => join(each.parentPath, each.name));
  } catch (error) {
    if (systemCode(error) !== undefined) return [];
    throw error;
  }
}

/** Undefined for what cannot be read: it is fetched anew. */
async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

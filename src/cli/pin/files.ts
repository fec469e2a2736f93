import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { fileProblem, fileProblemCode } from '../file-problem.ts';
import { documentError } from './document-error.ts';
import { MAX_DOCUMENT_BYTES } from './limits.ts';

export interface SourceFile {
  /** As the person named it. */
  readonly name: string;
  /** Symbolic links followed: the file that gets replaced. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Reads a regular file of bounded size. Throws DOCUMENT_INVALID. */
export async function readSourceFile(name: string): Promise<SourceFile> {
  return guarded(name, async () => {
    const path = await realpath(name);
    await using handle = await open(path, 'r');
    const stat = await handle.stat();
    if (stat.isDirectory()) throw documentError(name, undefined, 'it is a folder; name the files in it');
    if (!stat.isFile()) throw documentError(name, undefined, 'it is not a regular file; pass it by "-"');
    if (stat.size > MAX_DOCUMENT_BYTES) {
      throw documentError(name, undefined, `it has more than ${MAX_DOCUMENT_BYTES} bytes; split it`);
    }
    return { name, path, bytes: await handle.readFile() };
  });
}

/** Replaces the file in one step; its mode and owner stay. Refuses when somebody changed it meanwhile. */
export async function replaceFile({ name, path, bytes }: SourceFile, text: string): Promise<void> {
  await guarded(name, async () => {
    const temporary = join(dirname(path), `.tagseal-${randomUUID()}.tmp`);
    await using original = await open(path, 'r');
    try {
      await using fresh = await open(temporary, 'wx', 0o600);
      await fresh.writeFile(text);
      await copyAttributes(original, fresh);
      await fresh.sync();
      if (Buffer.compare(await readFile(path), bytes) !== 0) {
        throw documentError(
          name,
          undefined,
          'it was changed by somebody else meanwhile; run the command again',
        );
      }
      await rename(temporary, path);
    } catch (error) {
      await removeIfThere(temporary);
      throw error;
    }
  });
}

async function copyAttributes(from: FileHandle, to: FileHandle): Promise<void> {
  const wanted = await from.stat();
  const { uid, gid } = await to.stat();
  if (uid !== wanted.uid || gid !== wanted.gid) await to.chown(wanted.uid, wanted.gid);
  // after chown, which clears set-id bits
  await to.chmod(wanted.mode & 0o7777);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (fileProblemCode(error) !== 'ENOENT') throw error;
  }
}

async function guarded<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw documentError(name, undefined, fileProblem(error), error);
  }
}

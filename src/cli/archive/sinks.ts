import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileProblem, fileProblemCode } from '../file-problem.ts';
import type { Io } from '../ports.ts';
import { archiveError } from './archive-error.ts';
import type { ArchiveSink } from './write-archive.ts';

/** Replaces the file in one step, when the archive is whole and on the disk. Names may be private: mode 0600. */
export function fileSink(file: string): ArchiveSink {
  return async (chunks) => {
    const temporary = join(dirname(file), `.${basename(file)}-${randomUUID()}.tmp`);
    try {
      await using handle = await open(temporary, 'wx', 0o600);
      for await (const chunk of chunks) await handle.write(chunk);
      await handle.sync();
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw asArchiveError(file, error);
    }
  };
}

export function stdoutSink(io: Io): ArchiveSink {
  return async (chunks) => {
    for await (const chunk of chunks) await io.stdoutBytes(chunk);
  };
}

/** An error of the source passes through. */
function asArchiveError(file: string, error: unknown): unknown {
  const code = fileProblemCode(error);
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  return archiveError(file, `${fileProblem(error)}; name a file that can be written`, error);
}

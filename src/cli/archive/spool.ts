import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Io } from '../ports.ts';
import { archiveError } from './archive-error.ts';
import { ARCHIVE_LIMITS } from './format.ts';

interface SpoolParts {
  readonly io: Io;
  /** "-" is standard input. */
  readonly file: string;
  readonly signal: AbortSignal;
}

/** Gives the archive as a file, since it is read twice; standard input is put into a private folder meanwhile. */
export async function withArchiveFile<T>(
  { io, file, signal }: SpoolParts,
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (file !== '-') return use(file);
  const folder = await mkdtemp(join(tmpdir(), 'tagseal-'));
  try {
    const path = join(folder, 'standard input');
    await pipeline(atMost(io.stdin(), ARCHIVE_LIMITS.packedBytes), createWriteStream(path, { mode: 0o600 }), {
      signal,
    });
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* atMost(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw archiveError('standard input', `it has more than ${limit} bytes; split it`);
    yield chunk;
  }
}

import { open } from 'node:fs/promises';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { readArchive } from '../archive/read-archive.ts';
import { fileProblem } from '../file-problem.ts';
import { readAtMost } from '../read-at-most.ts';
import { makeKnownStatements, type KnownStatements } from './known-statements.ts';

const MAX_STATEMENT_BYTES = 16_384;
const GZIP = Buffer.of(0x1f, 0x8b);

/** Statements out of files: each one statement, or an archive of `tagseal export`. Throws DOCUMENT_INVALID, RECORD_INVALID. */
export async function readKnown(files: readonly string[], signal: AbortSignal): Promise<KnownStatements> {
  const known = makeKnownStatements();
  for (const file of files) {
    if (await isArchive(file)) await addArchive(known, file, signal);
    else known.add(Buffer.from(await readStatement(file)).toString('utf8'));
  }
  return known;
}

async function addArchive(known: KnownStatements, file: string, signal: AbortSignal): Promise<void> {
  for await (const { files } of readArchive(file, signal)) {
    for (const name of ['claim.json', 'binding.json']) {
      const statement = files.get(name);
      if (statement !== undefined) known.add(statement);
    }
  }
}

async function isArchive(file: string): Promise<boolean> {
  return guarded(file, async () => {
    await using handle = await open(file, 'r');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.equals(GZIP);
  });
}

async function readStatement(file: string): Promise<Uint8Array> {
  return guarded(file, async () => {
    await using handle = await open(file, 'r');
    return await readAtMost(handle.createReadStream({ start: 0 }), MAX_STATEMENT_BYTES);
  });
}

async function guarded<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const why =
      error instanceof AppError
        ? 'it is longer than a statement; name claim.json, binding.json or an archive of tagseal export'
        : fileProblem(error);
    throw new AppError({
      code: 'DOCUMENT_INVALID',
      message: `cannot read known statements from ${quote(file)}: ${why}`,
      cause: error,
    });
  }
}

import { createReadStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Extract } from 'tar-stream';
import { AppError } from '../../errors/app-error.ts';
import { fileProblem, fileProblemCode } from '../file-problem.ts';
import { archiveError } from './archive-error.ts';
import { checkEntry, makeEntryOrder, type ArchiveEntry } from './entry-order.ts';
import { ARCHIVE_LIMITS, FORMAT_TEXT, type ArchiveLimits } from './format.ts';

/** One record of an archive, not looked into. */
export interface ArchivedRecord {
  /** `t-...` */
  readonly folder: string;
  /** Texts by the name of their file. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * The records of an archive, in its order, one in memory at a time. Everything that `tagseal export` would not write is
 * refused, as is everything beyond the limits. Throws DOCUMENT_INVALID.
 */
export async function* readArchive(
  file: string,
  signal: AbortSignal,
  limits: ArchiveLimits = ARCHIVE_LIMITS,
): AsyncGenerator<ArchivedRecord> {
  const tar = extract();
  const meter = makeMeter(file, limits);
  const fed = pipeline(
    createReadStream(file),
    counting((bytes) => meter.packed(bytes)),
    createGunzip(),
    counting((bytes) => meter.unpacked(bytes)),
    tar,
    { signal },
  );
  // the reader below meets the same failure; this one is looked at when the reader is through
  fed.catch(() => undefined);
  try {
    yield* records(file, tar, limits);
    await fed;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw archiveError(file, problemOf(error), error);
  }
}

/** Reads the whole archive through, and says how many records it has. Throws DOCUMENT_INVALID. */
export async function countRecords(file: string, signal: AbortSignal): Promise<number> {
  const reader = readArchive(file, signal);
  let total = 0;
  while ((await reader.next()).done !== true) total += 1;
  return total;
}

async function* records(file: string, tar: Extract, limits: ArchiveLimits): AsyncGenerator<ArchivedRecord> {
  const order = makeEntryOrder(file, limits);
  let folder: string | undefined;
  let files = new Map<string, string>();
  for await (const raw of tar) {
    const entry = checkEntry(file, raw.header, limits);
    order.next(entry);
    const text = await textOf(file, entry, raw);
    if (order.count() === 1 && text !== FORMAT_TEXT) {
      throw archiveError(file, 'it is of a format that this version does not know; use a newer tagseal');
    }
    if (folder !== undefined && entry.folder !== folder) yield { folder, files };
    if (entry.folder !== folder) files = new Map();
    folder = entry.folder;
    files.set(entry.name, text);
  }
  if (folder !== undefined) yield { folder, files };
  order.end();
}

async function textOf(file: string, { path }: ArchiveEntry, body: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw archiveError(file, `${path} is no text in UTF-8`, cause);
  }
}

/** Refuses too many bytes, and few bytes that become many. */
function makeMeter(file: string, { packedBytes, unpackedBytes, ratio }: ArchiveLimits) {
  const FREE = 1_048_576;
  let packed = 0;
  let unpacked = 0;
  return {
    packed(bytes: number): void {
      packed += bytes;
      if (packed > packedBytes) throw archiveError(file, `it is larger than ${packedBytes} bytes; split it`);
    },
    unpacked(bytes: number): void {
      unpacked += bytes;
      if (unpacked > unpackedBytes) {
        throw archiveError(file, `it unpacks to more than ${unpackedBytes} bytes; split it`);
      }
      if (unpacked > FREE + ratio * packed) {
        throw archiveError(file, `it unpacks to more than ${ratio} times its size, as no export does`);
      }
    },
  };
}

function counting(count: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        count(chunk.length);
        done(null, chunk);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

function problemOf(error: unknown): string {
  const code = fileProblemCode(error) ?? '';
  if (code.startsWith('Z_')) return 'it is no gzip, or it is cut short or damaged';
  if (code.startsWith('E') && !code.startsWith('ERR_')) return fileProblem(error);
  return 'it is no tar, or it is cut short or damaged';
}

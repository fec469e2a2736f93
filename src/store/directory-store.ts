import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { TagRecord } from '../ledger/record.ts';
import { parseTagRecord, recordName } from '../ledger/tag-record.ts';
import type { RecordStore, StoredRecord } from '../protocol/ports.ts';
import { createDurably, isErrno, makeFolder } from './durable-file.ts';

/** A record with both bundles has some 12 kB; certificates and timestamps may double that. */
const MAX_RECORD_BYTES = 262_144;
/** A record has two or three versions; more digits than FILE reads would be written and never found. */
const MAX_VERSION = 999_999;
const FILE = /^(t-[0-9a-f]{40}(?:-\d{1,9})?)\.(\d{1,6})\.json$/;

export interface DirectoryStoreParts {
  readonly directory: string;
  /** Makes names that no other writer uses at the same time. */
  readonly uniqueName: () => string;
}

interface Place {
  readonly name: string;
  readonly version: number;
  readonly path: string;
}

/**
 * Records as files of one machine: `records/<xx>/<name>.<version>.json`. A version is created once and never
 * rewritten, so that creating the next one is a compare-and-swap, also between processes.
 */
export function makeDirectoryStore({ directory, uniqueName }: DirectoryStoreParts): RecordStore {
  const folderOf = (name: string) => join(directory, name.slice(2, 4));

  /** Each generation in its newest version, the first generation first. */
  async function placesOf(claimId: string): Promise<readonly Place[]> {
    // generations of a claim share the first 40 digits of its id, so they lie in one folder
    const first = recordName(claimId, 0);
    const places = await placesIn(folderOf(first));
    const own = places.filter(({ name }) => name === first || name.startsWith(`${first}-`));
    return newestOfEach(own).toSorted((a, b) => generationOf(a.name) - generationOf(b.name));
  }

  async function create(record: TagRecord, version: number): Promise<boolean> {
    const name = recordName(record.claimId, record.generation);
    const path = join(folderOf(name), `${name}.${version}.json`);
    try {
      await makeFolder(dirname(path));
      return await createDurably(path, `${JSON.stringify(record, null, 1)}\n`, uniqueName());
    } catch (error) {
      throw unavailable('write', path, error);
    }
  }

  return {
    async find(claimId) {
      const place = (await placesOf(claimId)).at(-1);
      return place && (await read(place));
    },

    async generations(claimId) {
      const found = [];
      for (const place of await placesOf(claimId)) found.push(await read(place));
      return found;
    },

    async reserve(record) {
      return (await create(record, 1)) ? 'created' : 'exists';
    },

    async update(record, version) {
      const next = Number(version) + 1;
      if (next > MAX_VERSION) throw tooManyVersions(record);
      return (await create(record, next)) ? 'updated' : 'conflict';
    },

    async *list(signal) {
      for (const folder of await foldersIn(directory)) {
        signal.throwIfAborted();
        for (const place of newestOfEach(await placesIn(folder))) {
          yield await read(place).catch((error: unknown) => ({ name: place.name, error }));
        }
      }
    },
  };
}

async function foldersIn(directory: string): Promise<readonly string[]> {
  const entries = await readFolder(directory);
  return entries.filter((name) => /^[0-9a-f]{2}$/.test(name)).map((name) => join(directory, name));
}

async function placesIn(folder: string): Promise<readonly Place[]> {
  const entries = await readFolder(folder);
  return entries.flatMap((entry) => {
    const match = FILE.exec(entry);
    if (match === null) return [];
    const [, name = '', version] = match;
    return [{ name, version: Number(version), path: join(folder, entry) }];
  });
}

function newestOfEach(places: readonly Place[]): readonly Place[] {
  const newest = new Map<string, Place>();
  for (const place of places) {
    const other = newest.get(place.name);
    if (other === undefined || other.version < place.version) newest.set(place.name, place);
  }
  return [...newest.values()];
}

function generationOf(name: string): number {
  return Number(name.slice(43) || 0);
}

async function readFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw unavailable('read', path, error);
  }
}

async function read({ name, path, version }: Place): Promise<StoredRecord> {
  const record = parseTagRecord(parseJson(await readText(path), path));
  if (recordName(record.claimId, record.generation) !== name)
    throw invalid(path, 'it holds the record of another name');
  return { record, version: String(version) };
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_RECORD_BYTES) throw invalid(path, `it has ${size} bytes, more than ${MAX_RECORD_BYTES}`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw unavailable('read', path, error);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(path, 'it is not JSON', error);
  }
}

function tooManyVersions({ reference }: TagRecord): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the record of ${quote(reference)} cannot be written: its file has the last version that there can be; restore it from a backup`,
  });
}

function invalid(path: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the record file ${path} cannot be read: ${why}; restore it from a backup`,
    cause,
  });
}

function unavailable(verb: 'read' | 'write', path: string, cause: unknown): AppError {
  const why = String(cause).replace(/^Error: /, '');
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot ${verb} the records in ${dirname(path)}: ${why}; free space or mend the permissions`,
    cause,
  });
}

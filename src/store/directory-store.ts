import { dirname, join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { TagRecord } from '../ledger/record.ts';
import { recordName } from '../ledger/tag-record.ts';
import type { Logger } from '../observe/log.ts';
import type { RecordStore } from '../protocol/ports.ts';
import { diskError } from './directory/disk-error.ts';
import { type Disk, makeDisk } from './directory/disk.ts';
import { makeDirectoryFollower, markerPath } from './directory/follow.ts';
import { readRecord, type RecordFile } from './directory/read-record.ts';
import { recordFolder, recordPath } from './directory/record-path.ts';
import { makeDirectoryState } from './directory/state-files.ts';
import { createDurably, makeFolders, markDurably } from './durable-file.ts';
import type { OpenedStore } from './opened-store.ts';

/** A record has two or three versions; more digits than FILE reads would be written and never found. */
const MAX_VERSION = 999_999;
const FILE = /^(t-[0-9a-f]{40}(?:-\d{1,9})?)\.(\d{1,6})\.json$/;

/** As many digits as FILE reads. */
const MAX_GENERATION = 999_999_999;

export interface OpenDirectoryOptions {
  /** Keeps `records` and `state` in it; neither is made before something is written. */
  readonly dataDir: string;
  /** Makes names that no other writer uses at the same time. */
  readonly uniqueName: () => string;
  readonly logger: Logger;
  /** Of the follower; a second if absent. */
  readonly pollMs?: number;
  readonly disk?: Disk;
}

/** The store of one machine, whose processes may share it. */
export function openDirectoryStore({ dataDir, ...options }: OpenDirectoryOptions): OpenedStore {
  const parts = { disk: makeDisk(), ...options };
  const directory = join(dataDir, 'records');
  return {
    store: makeDirectoryStore({ ...parts, directory }),
    state: makeDirectoryState({ ...parts, directory: join(dataDir, 'state') }),
    follower: makeDirectoryFollower({ ...parts, directory }),
    close: () => Promise.resolve(),
  };
}

export interface DirectoryStoreParts {
  readonly directory: string;
  readonly uniqueName: () => string;
  readonly disk?: Disk;
}

/**
 * Records as files of one machine: `records/<xx>/<name>.<version>.json`. A version is created once and never
 * rewritten, so that creating the next one is a compare-and-swap, also between processes.
 */
export function makeDirectoryStore({
  directory,
  uniqueName,
  disk = makeDisk(),
}: DirectoryStoreParts): RecordStore {
  const makeFolder = makeFolders(directory, disk);

  /** Each generation in its newest version, the first generation first. */
  async function filesOf(claimId: string): Promise<readonly RecordFile[]> {
    const first = recordName(claimId, 0);
    const files = await filesIn(recordFolder(directory, first));
    const own = files.filter(({ name }) => name === first || name.startsWith(`${first}-`));
    return newestOfEach(own).toSorted((a, b) => generationOf(a.name) - generationOf(b.name));
  }

  async function create(record: TagRecord, version: number): Promise<boolean> {
    const path = recordPath(directory, recordName(record.claimId, record.generation), version);
    try {
      await makeFolder(dirname(path));
      return await createDurably(path, `${JSON.stringify(record, null, 1)}\n`, uniqueName(), disk);
    } catch (error) {
      throw diskError('write', dirname(path), error);
    }
  }

  /** Before the record, so that no record is ever without; followers wait for the record. */
  async function mark({ claimId, generation }: TagRecord): Promise<void> {
    const path = markerPath(directory, claimId, generation);
    try {
      await makeFolder(dirname(path));
      await markDurably(path, disk);
    } catch (error) {
      throw diskError('write', dirname(path), error);
    }
  }

  async function filesIn(folder: string): Promise<readonly RecordFile[]> {
    const entries = await namesIn(folder);
    return entries.flatMap((entry) => {
      const match = FILE.exec(entry);
      if (match === null) return [];
      const [, name = '', version] = match;
      return [{ name, version: Number(version), path: join(folder, entry) }];
    });
  }

  async function foldersIn(): Promise<readonly string[]> {
    const entries = await namesIn(directory);
    return entries.filter((name) => /^[0-9a-f]{2}$/.test(name)).map((name) => join(directory, name));
  }

  async function namesIn(folder: string): Promise<readonly string[]> {
    try {
      return await disk.list(folder);
    } catch (error) {
      throw diskError('read', folder, error);
    }
  }

  return {
    async find(claimId) {
      const file = (await filesOf(claimId)).at(-1);
      return file && (await readRecord(file, disk));
    },

    async generations(claimId) {
      const found = [];
      for (const file of await filesOf(claimId)) found.push(await readRecord(file, disk));
      return found;
    },

    async reserve(record) {
      if (record.generation > MAX_GENERATION) throw tooMany(record, 'generation');
      if (record.generation > 0) await mark(record);
      return (await create(record, 1)) ? 'created' : 'exists';
    },

    async update(record, version) {
      const next = Number(version) + 1;
      if (next > MAX_VERSION) throw tooMany(record, 'version');
      return (await create(record, next)) ? 'updated' : 'conflict';
    },

    async *list(signal) {
      for (const folder of await foldersIn()) {
        signal.throwIfAborted();
        for (const file of newestOfEach(await filesIn(folder))) {
          yield await readRecord(file, disk).catch((error: unknown) => ({ name: file.name, error }));
        }
      }
    },
  };
}

function newestOfEach(files: readonly RecordFile[]): readonly RecordFile[] {
  const newest = new Map<string, RecordFile>();
  for (const file of files) {
    const other = newest.get(file.name);
    if (other === undefined || other.version < file.version) newest.set(file.name, file);
  }
  return [...newest.values()];
}

function generationOf(name: string): number {
  return Number(name.slice(43) || 0);
}

function tooMany({ reference }: TagRecord, what: 'version' | 'generation'): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the record of ${quote(reference)} cannot be written: it has the last ${what} that there can be; restore it from a backup`,
  });
}

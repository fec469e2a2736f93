import { join } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { StateDocument, StateStore } from '../../protocol/ports.ts';
import { createDurably, makeFolders } from '../durable-file.ts';
import { checkStateDocument, checkStateName, MAX_STATE_BYTES } from '../../protocol/state-document.ts';
import { diskError } from './disk-error.ts';
import type { Disk } from './disk.ts';

const FILE = /^([a-z0-9.-]{1,63})\.([1-9]\d{0,14})\.txt$/;
/** Old versions stay for a while, for readers that have just listed them and for `write` to see that it was late. */
const KEPT = 16;
/** A reader that lost its file to so many newer ones each time cannot keep up. */
const MAX_READS = 8;

export interface DirectoryStateParts {
  readonly directory: string;
  /** Makes names that no other writer uses at the same time. */
  readonly uniqueName: () => string;
  readonly disk: Disk;
}

/** Documents as files of one machine, `<name>.<version>.txt`: as the records, but only the newest versions stay. */
export function makeDirectoryState({ directory, uniqueName, disk }: DirectoryStateParts): StateStore {
  const makeFolder = makeFolders(directory, disk);
  const pathOf = (name: string, version: number) => join(directory, `${name}.${version}.txt`);

  /** Descending. */
  async function versionsOf(name: string): Promise<readonly number[]> {
    const files = await disk.list(directory);
    const versions = files.flatMap((file) => {
      const [, own, version] = FILE.exec(file) ?? [];
      return own === name ? [Number(version)] : [];
    });
    return versions.toSorted((a, b) => b - a);
  }

  async function newestOf(name: string): Promise<number> {
    return (await versionsOf(name))[0] ?? 0;
  }

  async function read(name: string): Promise<StateDocument | undefined> {
    for (let tries = 0; tries < MAX_READS; tries += 1) {
      const version = await newestOf(name);
      if (version === 0) return undefined;
      const bytes = await disk.read(pathOf(name, version), MAX_STATE_BYTES);
      if (bytes !== undefined)
        return { text: textOf(bytes, pathOf(name, version)), version: String(version) };
    }
    throw diskError('read', directory, `${quote(name)} is written faster than it can be read`);
  }

  async function write(name: string, text: string, expected: string | undefined) {
    const newest = await newestOf(name);
    if ((expected ?? '0') !== String(newest) || expected === '0') return 'conflict';
    const version = newest + 1;
    await makeFolder(directory);
    if (!(await createDurably(pathOf(name, version), text, uniqueName(), disk))) return 'conflict';
    const [after = version, ...older] = await versionsOf(name);
    // the name was free because others had taken and removed it since it was looked for
    const isLate = after - version >= KEPT;
    for (const old of older.filter((one) => after - one >= KEPT)) await disk.remove(pathOf(name, old));
    return isLate ? 'conflict' : 'written';
  }

  return {
    async read(name) {
      checkStateName(name);
      return orUnavailable('read', () => read(name));
    },
    async write(name, { text, version }) {
      checkStateDocument(name, text);
      return orUnavailable('write', () => write(name, text, version));
    },
  };

  async function orUnavailable<T>(verb: 'read' | 'write', run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw diskError(verb, directory, error);
    }
  }
}

function textOf(bytes: Uint8Array, path: string): string {
  if (bytes.length <= MAX_STATE_BYTES) return Buffer.from(bytes).toString('utf8');
  throw new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot read the state file ${quote(path)}: it has more than ${MAX_STATE_BYTES} bytes; remove it`,
  });
}

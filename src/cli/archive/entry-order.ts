import type { Header } from 'tar-stream';
import { quote } from '../../errors/quote.ts';
import { archiveError } from './archive-error.ts';
import { FORMAT_FILE, RECORD_FILES, RECORD_FOLDER, TOP_FILES, type ArchiveLimits } from './format.ts';

export interface ArchiveEntry {
  readonly path: string;
  /** Absent for a file at the top. */
  readonly folder: string | undefined;
  readonly name: string;
}

const TOP = new Set<string>([FORMAT_FILE, ...Object.values(TOP_FILES)]);
const OTHER_KEY = /^tagseal-[0-9a-f]{16}\.pub$/;
const IN_RECORD = new Set<string>(RECORD_FILES);

/** A regular file with a name that an export has, or a refusal: no link, no device, no way out of the archive. */
export function checkEntry(
  file: string,
  { name: path, type, size }: Pick<Header, 'name' | 'type' | 'size'>,
  { fileBytes }: ArchiveLimits,
): ArchiveEntry {
  if (type !== 'file') throw archiveError(file, `${quote(path)} is no regular file`);
  if (size > fileBytes) throw archiveError(file, `${quote(path)} has ${size} bytes, more than ${fileBytes}`);
  const entry = placeOf(path);
  if (entry === undefined) throw archiveError(file, `${quote(path)} is not in an archive of tagseal export`);
  return entry;
}

function placeOf(path: string): ArchiveEntry | undefined {
  if (TOP.has(path) || OTHER_KEY.test(path)) return { path, folder: undefined, name: path };
  const [folder = '', name = '', ...rest] = path.split('/');
  const known = rest.length === 0 && RECORD_FOLDER.test(folder) && IN_RECORD.has(name);
  return known ? { path, folder, name } : undefined;
}

/** Refuses what comes twice, too often or at the wrong place. Throws DOCUMENT_INVALID. */
export function makeEntryOrder(file: string, { entries }: ArchiveLimits) {
  const seen = new Set<string>();
  let current: string | undefined;
  let inFolder = new Set<string>();
  let count = 0;

  function enter(folder: string | undefined): void {
    if (current !== undefined) seen.add(current);
    if (folder !== undefined && seen.has(folder)) throw archiveError(file, `${folder} is in it twice`);
    current = folder;
    inFolder = new Set();
  }

  return {
    count: () => count,
    next({ path, folder, name }: ArchiveEntry): void {
      count += 1;
      if (count > entries) throw archiveError(file, `it holds more than ${entries} files; split it`);
      if (count === 1 && path !== FORMAT_FILE) {
        throw archiveError(file, `it does not begin with ${FORMAT_FILE}; make it with tagseal export`);
      }
      if (folder !== current) enter(folder);
      const taken = folder === undefined ? seen : inFolder;
      if (taken.has(name)) throw archiveError(file, `${path} is in it twice`);
      taken.add(name);
    },
    end(): void {
      if (count === 0) throw archiveError(file, 'it is empty; make it with tagseal export');
    },
  };
}

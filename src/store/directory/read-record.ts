import { AppError } from '../../errors/app-error.ts';
import { parseTagRecord, recordName } from '../../ledger/tag-record.ts';
import type { StoredRecord } from '../../protocol/ports.ts';
import { diskError } from './disk-error.ts';
import type { Disk } from './disk.ts';

/** A record with both bundles has some 12 kB; certificates and timestamps may double that. */
const MAX_RECORD_BYTES = 262_144;

export interface RecordFile {
  readonly name: string;
  readonly version: number;
  readonly path: string;
}

/** Throws RECORD_INVALID that names the file, STORE_UNAVAILABLE. */
export async function readRecord(file: RecordFile, disk: Disk): Promise<StoredRecord> {
  const { name, path, version } = file;
  const record = parseTagRecord(parseJson(await readText(path, disk), path));
  if (recordName(record.claimId, record.generation) !== name)
    throw invalid(path, 'it holds the record of another name');
  return { record, version: String(version) };
}

async function readText(path: string, disk: Disk): Promise<string> {
  const bytes = await disk.read(path, MAX_RECORD_BYTES).catch((error: unknown) => {
    throw diskError('read', path, error);
  });
  if (bytes === undefined) throw diskError('read', path, 'it has gone');
  if (bytes.length <= MAX_RECORD_BYTES) return Buffer.from(bytes).toString('utf8');
  throw invalid(path, `it has more than ${MAX_RECORD_BYTES} bytes`);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(path, 'it is not JSON', error);
  }
}

function invalid(path: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the record file ${path} cannot be read: ${why}; restore it from a backup`,
    cause,
  });
}

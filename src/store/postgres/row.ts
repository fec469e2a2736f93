import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { TagRecord } from '../../ledger/record.ts';
import { parseTagRecord, recordName } from '../../ledger/tag-record.ts';
import type { StoredRecord } from '../../protocol/ports.ts';
import type { Row } from './pool.ts';

/** A record with both bundles has some 12 kB; certificates and timestamps may double that. */
export const MAX_RECORD_BYTES = 262_144;

/** Columns that `storedRecord` reads; a text that is too long stays on the server. */
export const RECORD_COLUMNS = `name, version, CASE WHEN octet_length(record) <= ${MAX_RECORD_BYTES} THEN record END AS record`;

export function nameOf(row: Row): string {
  const name = row['name'];
  return typeof name === 'string' ? name : '';
}

/** Throws RECORD_INVALID that names the row. */
export function storedRecord(row: Row): StoredRecord {
  const name = nameOf(row);
  const { record: text, version } = row;
  if (typeof text !== 'string') throw invalid(name, `it has more than ${MAX_RECORD_BYTES} bytes`);
  const record = parsed(text, name);
  if (recordName(record.claimId, record.generation) !== name)
    throw invalid(name, 'it holds the record of another name');
  return { record, version: String(version) };
}

/** The text that is kept. Throws RECORD_INVALID where it is too long. */
export function recordText(record: TagRecord): string {
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) <= MAX_RECORD_BYTES) return text;
  throw invalid(
    recordName(record.claimId, record.generation),
    `it would have more than ${MAX_RECORD_BYTES} bytes`,
  );
}

function parsed(text: string, name: string): TagRecord {
  try {
    return parseTagRecord(JSON.parse(text));
  } catch (error) {
    throw invalid(name, error instanceof AppError ? error.message : 'it is not JSON', error);
  }
}

function invalid(name: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the row ${quote(name)} of tagseal_records cannot be used: ${why}; restore it from a backup`,
    cause,
  });
}

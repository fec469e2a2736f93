import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { TagRecord } from '../ledger/record.ts';
import { parseTagRecord, recordName } from '../ledger/tag-record.ts';
import type { StoredRecord } from '../protocol/ports.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { KubeObject } from './api.ts';
import { MAX_RECORD_BYTES, packText, unpackText } from './evidence-text.ts';
import { parseJson } from './json.ts';
import { API_VERSION } from './resources.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A record as the fields of a TagRecord resource; `observed` and `conditions` are not the store's. */
export async function recordFields(
  record: TagRecord,
): Promise<{ spec: Fields; evidence: string; status: Fields }> {
  const text = JSON.stringify(record);
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES)
    throw invalid(
      recordName(record.claimId, record.generation),
      `it would have more than ${MAX_RECORD_BYTES} bytes`,
    );
  return { spec: specOf(record), evidence: await packText(text), status: statusOf(record) };
}

/** The resource to create. Throws RECORD_INVALID. */
export async function recordObject(record: TagRecord): Promise<KubeObject> {
  const name = recordName(record.claimId, record.generation);
  return { apiVersion: API_VERSION, kind: 'TagRecord', metadata: { name }, ...(await recordFields(record)) };
}

/** The record of a resource, whose name, spec and status must say what its evidence says. Throws RECORD_INVALID. */
export async function storedRecord(object: KubeObject): Promise<StoredRecord> {
  const { name, resourceVersion = '' } = object.metadata;
  const text = await unpackText(object['evidence']);
  if (text === undefined) throw invalid(name, 'its evidence is not what tagseal writes');
  const record = parsed(text, name);
  if (recordName(record.claimId, record.generation) !== name)
    throw invalid(name, 'it holds the record of another name');
  const status = statusOf(record);
  const differing =
    difference(specOf(record), object['spec'], 'spec') ??
    difference(status, object['status'], 'status') ??
    surplusLog(status, object['status']);
  if (differing !== undefined) throw invalid(name, `its ${differing} is not what its evidence says`);
  return { record, version: resourceVersion };
}

/** Of a TagRecord, by its name. */
export function generationOf({ metadata: { name } }: KubeObject): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? 0);
}

function specOf(record: TagRecord): Fields {
  const { reference, digest, scope, claimId, generation, privacy } = record;
  const parts = parseReference(reference);
  if (!isTagReference(parts)) throw invalid(recordName(claimId, generation), 'its reference has no tag');
  const { registry, repository, tag } = parts;
  return { reference, registry, repository, tag, digest, scope, claimId, generation, privacy };
}

function statusOf({ phase, digest, firstSeen, origin, log }: TagRecord): Fields {
  const [, hex = ''] = digest.split(':');
  return { phase, shortDigest: hex.slice(0, 12), firstSeen, origin, ...(log && { log: { ...log } }) };
}

/** The first field that is not as expected; what is there besides, the scan's and others', is not looked at. */
function difference(expected: Fields, actual: unknown, path: string): string | undefined {
  const found = fieldsOf(actual);
  for (const [key, value] of Object.entries(expected)) {
    const at = `${path}.${key}`;
    if (typeof value !== 'object') {
      if (value !== found[key]) return at;
      continue;
    }
    const inner = difference(fieldsOf(value), found[key], at);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** A log entry that the evidence does not have. */
function surplusLog(expected: Fields, actual: unknown): string | undefined {
  return 'log' in fieldsOf(actual) && !('log' in expected) ? 'status.log' : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function parsed(text: string, name: string): TagRecord {
  try {
    return parseTagRecord(parseJson(text));
  } catch (error) {
    throw invalid(name, error instanceof AppError ? error.message : 'its evidence cannot be read', error);
  }
}

function invalid(name: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `the TagRecord ${quote(name)} cannot be used: ${why}; delete it, and restore the record with tagseal restore or from a backup`,
    cause,
  });
}

import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { LoggedStatement, SignedStatement } from '../../ledger/evidence.ts';
import type { TagRecord } from '../../ledger/record.ts';
import { parseTagRecord, recordName } from '../../ledger/tag-record.ts';
import { toJson } from '../render-json.ts';
import { statementFiles } from '../save-evidence.ts';
import type { RecordFile } from './format.ts';

/** The files of a record's folder: nothing is in two of them, so they cannot contradict one another. */
export function filesOf(record: TagRecord): readonly (readonly [string, string])[] {
  const { claim, binding, approval, ...rest } = record;
  const described = {
    ...rest,
    claim: signedBy(claim),
    binding: signedBy(binding),
    ...(approval && { approval: signedBy(approval) }),
  };
  return [
    ['record.json', toJson(described)],
    ...statementFiles('claim', claim),
    ...statementFiles('binding', binding),
    ...(approval === undefined ? [] : [['approval.json', approval.statement] as const]),
  ];
}

/** The record again; shape and limits only, no evidence. Throws RECORD_INVALID. */
export function recordOf(folder: string, files: ReadonlyMap<string, string>): TagRecord {
  const described = objectIn(folder, 'record.json', files);
  const record = parseTagRecord({
    ...described,
    claim: logged(folder, 'claim', { described, files }),
    binding: logged(folder, 'binding', { described, files }),
    ...(('approval' in described || files.has('approval.json')) && {
      approval: signed(folder, 'approval', { described, files }),
    }),
  });
  const name = recordName(record.claimId, record.generation);
  if (name === folder) return record;
  throw invalid(folder, `it is the record ${name}`);
}

interface Source {
  readonly described: Readonly<Record<string, unknown>>;
  readonly files: ReadonlyMap<string, string>;
}

type Part = 'claim' | 'binding' | 'approval';

function signedBy({ signature, verifier, timestamp }: SignedStatement | LoggedStatement): object {
  return { signature, verifier, ...(timestamp !== undefined && { timestamp }) };
}

function logged(folder: string, part: 'claim' | 'binding', source: Source): object {
  const bundle = objectIn(folder, `${part}.sigstore.json`, source.files);
  return { ...signed(folder, part, source), bundle };
}

function signed(folder: string, part: Part, { described, files }: Source): object {
  const statement = files.get(`${part}.json`);
  const by = described[part];
  if (statement === undefined) throw invalid(folder, `${part}.json is missing`);
  if (!isObject(by)) throw invalid(folder, `record.json says nothing of the signature of ${part}.json`);
  if ('statement' in by || 'bundle' in by)
    throw invalid(folder, `record.json and ${part}.json both hold the statement`);
  return { ...by, statement };
}

function objectIn(
  folder: string,
  name: RecordFile,
  files: ReadonlyMap<string, string>,
): Readonly<Record<string, unknown>> {
  const text = files.get(name);
  if (text === undefined) throw invalid(folder, `${name} is missing`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(folder, `${name} is no JSON`, cause);
  }
  if (!isObject(value)) throw invalid(folder, `${name} is no JSON object`);
  if (isTooDeep(value, MAX_DEPTH)) throw invalid(folder, `${name} is nested too deeply`);
  return value;
}

/** A Sigstore bundle has ten levels. */
const MAX_DEPTH = 20;

function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isTooDeep(child, levels - 1));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(folder: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot read record ${quote(folder)} of the archive: ${why}; export it again`,
    cause,
  });
}

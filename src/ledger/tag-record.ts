import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { isDigest } from '../reference/parse-digest.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { Reference } from '../reference/reference.ts';
import { bindingSalt, blindedClaimId, isScope, plainClaimId } from './claim-id.ts';
import type { SignedStatement } from './evidence.ts';
import { isLogged, parseSignedStatement, signaturesAt } from './parse-evidence.ts';
import { countAt, type Fields, fieldsOf, has, invalid, oneOfAt, textAt, unknownAt } from './field.ts';
import type { LogPosition, RecordedEntry, RecordPhase, TagRecord } from './record.ts';
import { type Binding, parseApproval, parseBinding, parseClaim } from './statement.ts';

export { isLogged } from './parse-evidence.ts';

const PHASES = ['Reserved', 'Logged', 'Confirmed', 'Conflicted', 'Lost', 'Unlogged'] as const;
const ORIGINS = ['admission', 'proxy', 'cli', 'restore', 'import'] as const;
const PRIVACIES = ['plain', 'blinded'] as const;
const KEYS = [
  'reference',
  'digest',
  'scope',
  'claimId',
  'generation',
  'privacy',
  'firstSeen',
  'origin',
  'phase',
  'reservedAt',
  'claim',
  'binding',
  'approval',
  'outdated',
  'log',
];

/** Each stands for ten minutes in which the log could be read and not written to. */
export const MAX_OUTDATED = 32;

const HEX_256 = /^[0-9a-f]{64}$/;
const LINE = /^[^\p{Cc}\p{Cs}]{1,512}$/u;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const NAME_HEX_DIGITS = 40;

/**
 * A record as a store gave it: shape and limits only, no evidence. Unknown fields are refused. Throws RECORD_INVALID that
 * names the field.
 */
export function parseTagRecord(value: unknown): TagRecord {
  const fields = fieldsOf(value, 'record', KEYS);
  const record = {
    reference: referenceAt(fields),
    digest: digestAt(fields),
    scope: scopeAt(fields),
    claimId: textAt(fields, 'claimId', HEX_256, '64 hex digits'),
    generation: countAt(fields, 'generation'),
    privacy: oneOfAt(fields, 'privacy', PRIVACIES),
    firstSeen: timeAt(fields, 'firstSeen'),
    origin: oneOfAt(fields, 'origin', ORIGINS),
    phase: oneOfAt(fields, 'phase', PHASES),
    reservedAt: positionAt(fields),
    claim: parseSignedStatement(unknownAt(fields, 'claim'), 'record.claim'),
    binding: parseSignedStatement(unknownAt(fields, 'binding'), 'record.binding'),
    ...(has(fields, 'approval') ? { approval: approvalOf(unknownAt(fields, 'approval')) } : {}),
    ...(has(fields, 'outdated') ? { outdated: signaturesAt(fields, 'outdated', MAX_OUTDATED) } : {}),
    ...(has(fields, 'log') ? { log: entryOf(unknownAt(fields, 'log')) } : {}),
  };
  if (claimsLog(record.phase) && !(isLogged(record.claim) && isLogged(record.binding))) {
    throw invalid('record.phase', `it is ${record.phase}, and a statement has no bundle`);
  }
  return record;
}

/** The name of a record's object or file: `t-`, 40 hex digits of the claim id, and `-n` for a later generation. */
export function recordName(claimId: string, generation: number): string {
  const name = `t-${claimId.slice(0, NAME_HEX_DIGITS)}`;
  return generation === 0 ? name : `${name}-${generation}`;
}

/** Of who reads what others have signed: claim id and salt of a blinded record are what its signed binding says. */
export type BlindingKey = Uint8Array | 'unknown';

/**
 * Checks that all statements say what the record says, and that the claim id stands for its reference. `blindingKey` is
 * needed for a blinded record. Throws RECORD_INVALID; says nothing about signatures.
 */
export function checkRecordStatements(record: TagRecord, blindingKey?: BlindingKey): void {
  const { scope, claimId, reference, digest, generation } = record;
  const secrets = secretsOf(record, blindingKey);
  if (claimId !== secrets.claimId) throw differs(record, 'claimId');
  const claim = { generation: 0, ...parseClaim(record.claim.statement) };
  compare(record, claim, { scope, claimId, generation });
  const binding: Partial<Binding> = parseBinding(record.binding.statement);
  compare(record, binding, { reference, digest, scope, claimId, generation, salt: secrets.salt });
  if (record.approval === undefined) return;
  const { from, by, reason, ...move } = parseApproval(record.approval.statement);
  compare(record, move, { reference, digest, scope, claimId, generation });
  if (from === digest || generation === 0) throw differs(record, 'approval');
}

function secretsOf(record: TagRecord, key: BlindingKey | undefined): { claimId: string; salt?: string } {
  const { scope, reference, digest, privacy } = record;
  if (privacy === 'plain') return { claimId: plainClaimId(scope, reference) };
  if (key === 'unknown') return saltedBinding(record);
  if (key !== undefined) {
    return {
      claimId: blindedClaimId(key, scope, reference),
      salt: bindingSalt(key, scope, reference, digest),
    };
  }
  throw new AppError({
    code: 'RECORD_INVALID',
    message: `cannot check the record of ${quote(reference)}: it is blinded, and no blinding key is set; give the key that it was made with`,
  });
}

function saltedBinding(record: TagRecord): { claimId: string; salt: string } {
  const { claimId, salt } = parseBinding(record.binding.statement);
  if (salt === undefined) throw differs(record, 'salt');
  return { claimId, salt };
}

function compare<Said extends object>(
  record: TagRecord,
  said: Said,
  expected: { [Key in keyof Said]: unknown },
): void {
  for (const key in expected) {
    if (said[key] !== expected[key]) throw differs(record, key);
  }
}

function differs(record: TagRecord, field: string): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot use the record of ${quote(record.reference)}: its ${field} is not the one that its reference and its statements give; restore the record from the log`,
  });
}

function claimsLog(phase: RecordPhase): boolean {
  return phase === 'Logged' || phase === 'Confirmed';
}

function referenceAt(fields: Fields): string {
  const text = textAt(fields, 'reference', LINE, 'a reference');
  const reference = parsedReference(text);
  if (isTagReference(reference) && reference.canonical === text) return text;
  throw invalid('record.reference', 'it is not in canonical form with a tag and without a digest');
}

function parsedReference(text: string): Reference {
  try {
    return parseReference(text);
  } catch (cause) {
    throw invalid('record.reference', 'it is not a reference', cause);
  }
}

function digestAt(fields: Fields): Digest {
  const value = unknownAt(fields, 'digest');
  if (typeof value === 'string' && isDigest(value)) return value;
  throw invalid('record.digest', 'it is not a sha256 or sha512 digest');
}

function scopeAt(fields: Fields): string {
  const value = unknownAt(fields, 'scope');
  if (typeof value === 'string' && isScope(value)) return value;
  throw invalid('record.scope', 'it is not 1 to 128 printable ASCII characters');
}

function timeAt(fields: Fields, name: string): string {
  const text = textAt(fields, name, TIME, 'a time of RFC 3339');
  if (Number.isNaN(Date.parse(text))) throw invalid(`${fields.path}.${name}`, 'there is no such time');
  return text;
}

function approvalOf(value: unknown): SignedStatement {
  const approval = parseSignedStatement(value, 'record.approval');
  if (isLogged(approval)) throw invalid('record.approval.bundle', 'an approval is not logged');
  return approval;
}

function positionAt(fields: Fields): LogPosition {
  const position = fieldsOf(unknownAt(fields, 'reservedAt'), 'record.reservedAt', ['origin', 'treeSize']);
  return {
    origin: textAt(position, 'origin', LINE, 'one line of text'),
    treeSize: countAt(position, 'treeSize'),
  };
}

function entryOf(value: unknown): RecordedEntry {
  const entry = fieldsOf(value, 'record.log', ['kind', 'url', 'origin', 'index', 'uuid', 'time']);
  return {
    kind: textAt(entry, 'kind', LINE, 'one line of text'),
    url: textAt(entry, 'url', LINE, 'one line of text'),
    origin: textAt(entry, 'origin', LINE, 'one line of text'),
    index: countAt(entry, 'index'),
    uuid: textAt(entry, 'uuid', /^[0-9a-f]{1,160}$/, 'hex digits'),
    ...(has(entry, 'time') ? { time: timeAt(entry, 'time') } : {}),
  };
}

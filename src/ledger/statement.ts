import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { AppError } from '../errors/app-error.ts';
import type { Digest } from '../reference/digest.ts';
import { digestAlgorithm, digestHex, isDigest } from '../reference/parse-digest.ts';
import type { Approval } from './record.ts';
import { countAt, type Fields, fieldsOf, has, invalid, textAt, unknownAt } from './field.ts';

export const CLAIM_TYPE = 'https://tagseal.dev/claim/v1';
export const BINDING_TYPE = 'https://tagseal.dev/binding/v1';
export const APPROVAL_TYPE = 'https://tagseal.dev/approval/v1';

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const CLAIM_SUBJECT = 'tag';
const MAX_STATEMENT_BYTES = 16_384;
const HEX_256 = /^[0-9a-f]{64}$/;
const ANY_TEXT = /^[\x20-\x7e]{1,512}$/;
/** Any script, and nothing that a terminal obeys or an eye does not see: no controls, formats, surrogates or line ends. */
const PERSONS_TEXT = /^(?=.*\S)[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u;
const STATEMENT_KEYS = ['_type', 'predicate', 'predicateType', 'subject'];

/** "This tag is taken." */
export interface Claim {
  readonly scope: string;
  /** 64 hex digits. */
  readonly claimId: string;
  /** 0, which is the same as absent, is the first sight. */
  readonly generation?: number;
}

interface OfDigest extends Claim {
  /** `registry/repository:tag`. */
  readonly reference: string;
  readonly digest: Digest;
  readonly generation: number;
}

/** "By this digest." */
export interface Binding extends OfDigest {
  /** 64 hex digits; only in a blinded ledger. */
  readonly salt?: string;
}

/**
 * "Somebody accepts that it means this digest, and no longer the one of the generation before": `from`, absent where nobody
 * knows it, since the record of that generation is lost.
 */
export interface AcceptedMove extends OfDigest, Approval {
  readonly from?: Digest;
}

/**
 * The claim as an in-toto Statement v1 in RFC 8785 form (DESIGN section 2); the generation is left out where it is 0.
 * Throws RECORD_INVALID for text without such a form.
 */
export function claimStatement({ scope, claimId, generation = 0 }: Claim): string {
  const subject = { name: CLAIM_SUBJECT, digest: { sha256: claimId } };
  return statement(subject, CLAIM_TYPE, { scope, ...(generation > 0 && { generation }) });
}

/** The binding as an in-toto Statement v1 in RFC 8785 form (DESIGN section 2). Throws RECORD_INVALID as claimStatement. */
export function bindingStatement(binding: Binding): string {
  const { scope, claimId, generation, salt } = binding;
  return statement(subjectOf(binding), BINDING_TYPE, { scope, claimId, generation, salt });
}

/** The approval of a move as an in-toto Statement v1 in RFC 8785 form; signed, never logged. Throws as claimStatement. */
export function approvalStatement(move: AcceptedMove): string {
  const { scope, claimId, generation, from, by, reason } = move;
  return statement(subjectOf(move), APPROVAL_TYPE, { scope, claimId, generation, from, by, reason });
}

/** Whether the text can be the name or the reason of who accepts a move: one line of 1 to 256 printable characters. */
export function isApprovalText(text: string): boolean {
  return PERSONS_TEXT.test(text);
}

/** Reads back exactly what claimStatement writes, byte for byte; anything else is RECORD_INVALID. */
export function parseClaim(text: string): Claim {
  const { subject, predicate } = parseStatement(text, ['scope', 'generation']);
  const digest = fieldsOf(unknownAt(subject, 'digest'), 'subject[0].digest', ['sha256']);
  const claim = {
    scope: textAt(predicate, 'scope', ANY_TEXT, 'printable text'),
    claimId: textAt(digest, 'sha256', HEX_256, '64 hex digits'),
    ...(has(predicate, 'generation') ? { generation: countAt(predicate, 'generation') } : {}),
  };
  return exactly(text, claim, claimStatement);
}

/** Reads back exactly what bindingStatement writes, byte for byte; anything else is RECORD_INVALID. */
export function parseBinding(text: string): Binding {
  const { subject, predicate } = parseStatement(text, ['scope', 'claimId', 'generation', 'salt']);
  const binding = {
    ...ofDigest(subject, predicate),
    ...(has(predicate, 'salt') ? { salt: textAt(predicate, 'salt', HEX_256, '64 hex digits') } : {}),
  };
  return exactly(text, binding, bindingStatement);
}

/** Reads back exactly what approvalStatement writes, byte for byte; anything else is RECORD_INVALID. */
export function parseApproval(text: string): AcceptedMove {
  const keys = ['scope', 'claimId', 'generation', 'from', 'by', 'reason'];
  const { subject, predicate } = parseStatement(text, keys);
  const move = {
    ...ofDigest(subject, predicate),
    ...(has(predicate, 'from') ? { from: fromAt(predicate) } : {}),
    by: textAt(predicate, 'by', PERSONS_TEXT, 'one line of at most 256 printable characters'),
    reason: textAt(predicate, 'reason', PERSONS_TEXT, 'one line of at most 256 printable characters'),
  };
  return exactly(text, move, approvalStatement);
}

/** Hex SHA-256 of the statement's UTF-8 bytes: what the log keeps. */
export function statementDigest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function statement(subject: unknown, predicateType: string, predicate: unknown): string {
  const value = { _type: STATEMENT_TYPE, subject: [subject], predicateType, predicate };
  try {
    return String(canonicalize(value));
  } catch (cause) {
    throw new AppError({
      code: 'RECORD_INVALID',
      message: 'cannot write the statement: a field has no canonical JSON form; check reference and scope',
      cause,
    });
  }
}

function subjectOf({ reference, digest }: OfDigest): object {
  return { name: reference, digest: { [digestAlgorithm(digest)]: digestHex(digest) } };
}

function ofDigest(subject: Fields, predicate: Fields): OfDigest {
  return {
    reference: textAt(subject, 'name', ANY_TEXT, 'printable text'),
    digest: digestAt(subject),
    scope: textAt(predicate, 'scope', ANY_TEXT, 'printable text'),
    claimId: textAt(predicate, 'claimId', HEX_256, '64 hex digits'),
    generation: countAt(predicate, 'generation'),
  };
}

function parseStatement(
  text: string,
  predicateKeys: readonly string[],
): { subject: Fields; predicate: Fields } {
  if (Buffer.byteLength(text, 'utf8') > MAX_STATEMENT_BYTES) {
    throw invalid('statement', `it is longer than ${MAX_STATEMENT_BYTES} bytes`);
  }
  const fields = fieldsOf(parseJson(text), 'statement', STATEMENT_KEYS);
  const subjects = unknownAt(fields, 'subject');
  if (!Array.isArray(subjects) || subjects.length !== 1) {
    throw invalid('statement.subject', 'it is not a list of one subject');
  }
  return {
    subject: fieldsOf(subjects[0], 'subject[0]', ['name', 'digest']),
    predicate: fieldsOf(unknownAt(fields, 'predicate'), 'predicate', predicateKeys),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('statement', 'it is not JSON');
  }
}

function digestAt(subject: Fields): Digest {
  const path = 'subject[0].digest';
  const entries = [...fieldsOf(unknownAt(subject, 'digest'), path, ['sha256', 'sha512']).values];
  const text = entries.map(([algorithm, hex]) => `${algorithm}:${String(hex)}`).join();
  if (!isDigest(text)) throw invalid(path, 'it is not one sha256 or sha512 digest');
  return text;
}

function fromAt(predicate: Fields): Digest {
  const text = unknownAt(predicate, 'from');
  if (typeof text === 'string' && isDigest(text)) return text;
  throw invalid('predicate.from', 'it is not a sha256 or sha512 digest');
}

/** Writing the parsed value again must give the same bytes: this refuses other types, white space and repeated keys. */
function exactly<Parsed>(text: string, parsed: Parsed, write: (parsed: Parsed) => string): Parsed {
  if (write(parsed) === text) return parsed;
  throw invalid('statement', 'it is not in the exact form that Tagseal writes');
}

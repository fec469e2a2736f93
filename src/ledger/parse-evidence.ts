import type { LoggedStatement, SerializedBundle, SignatureVerifier, SignedStatement } from './evidence.ts';
import { type Fields, fieldsOf, has, invalid, oneOfAt, textAt, unknownAt } from './field.ts';

const STATEMENT = /^[^\p{Cc}\p{Cs}]{1,16384}$/u;
const BASE64 = /^[A-Za-z0-9+/]{1,32768}={0,2}$/;

/** Whether the statement comes with the bundle that proves it was logged; the bundle is not verified by this. */
export function isLogged(signed: SignedStatement | LoggedStatement): signed is LoggedStatement {
  return 'bundle' in signed;
}

/** A signed statement from a store: shape and limits only. `path` is for messages. Throws RECORD_INVALID. */
export function parseSignedStatement(value: unknown, path: string): SignedStatement | LoggedStatement {
  const fields = fieldsOf(value, path, ['statement', 'signature', 'verifier', 'timestamp', 'bundle']);
  const signed = {
    statement: textAt(fields, 'statement', STATEMENT, 'a statement of at most 16384 characters'),
    signature: base64At(fields, 'signature'),
    verifier: verifierOf(unknownAt(fields, 'verifier'), `${path}.verifier`),
    ...(has(fields, 'timestamp') ? { timestamp: base64At(fields, 'timestamp') } : {}),
  };
  return has(fields, 'bundle') ? { ...signed, bundle: bundleAt(fields) } : signed;
}

/** A list of at most `most` signatures in base64. Throws RECORD_INVALID. */
export function signaturesAt(fields: Fields, name: string, most: number): readonly string[] {
  const list = unknownAt(fields, name);
  const path = `${fields.path}.${name}`;
  if (!Array.isArray(list) || list.length > most) throw invalid(path, `it is not a list of at most ${most}`);
  return list.map((signature: unknown, i) =>
    base64At(fieldsOf({ signature }, `${path}[${i}]`, ['signature']), 'signature'),
  );
}

function verifierOf(value: unknown, path: string): SignatureVerifier {
  const fields = fieldsOf(value, path, ['kind', 'spki', 'der']);
  const kind = oneOfAt(fields, 'kind', ['publicKey', 'certificate']);
  const [name, other] = kind === 'publicKey' ? (['spki', 'der'] as const) : (['der', 'spki'] as const);
  if (has(fields, other)) throw invalid(`${path}.${other}`, `a verifier of kind ${kind} has no such field`);
  const encoded = base64At(fields, name);
  return kind === 'publicKey' ? { kind, spki: encoded } : { kind, der: encoded };
}

function bundleAt(fields: Fields): SerializedBundle {
  const path = `${fields.path}.bundle`;
  const value = unknownAt(fields, 'bundle');
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid(path, 'it is not an object');
}

function base64At(fields: Fields, name: string): string {
  const text = textAt(fields, name, BASE64, 'base64');
  // one spelling for one value: no missing padding, no stray bits
  if (Buffer.from(text, 'base64').toString('base64') === text) return text;
  throw invalid(`${fields.path}.${name}`, 'it is not base64 in its one canonical spelling');
}

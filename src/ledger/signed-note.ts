import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Checkpoint } from './checkpoint.ts';
import { HASH_BYTES, sameHash } from './leaf-hash.ts';
import { unproven } from './proof-error.ts';

export interface NoteSignature {
  /** Name of the signing key. */
  readonly name: string;
  /** 4 bytes: a hint to the key, no proof. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** A checkpoint as its note says; nothing is verified yet. */
export interface UnverifiedCheckpoint {
  readonly origin: string;
  readonly treeSize: number;
  readonly rootHash: Uint8Array;
  readonly extensions: readonly string[];
  readonly signatures: readonly NoteSignature[];
  /** The signed text, with its last line feed. */
  readonly body: string;
}

export interface CheckpointTrust {
  /** First line of the checkpoint, compared exactly. */
  readonly origin: string;
  /** Name of the key on the signature line; the origin unless given (Rekor v1 puts more into its origin). */
  readonly keyName?: string;
  /** SubjectPublicKeyInfo in DER, Ed25519 or ECDSA P-256. */
  readonly spki: Uint8Array;
}

const WHAT = 'the checkpoint';
const MAX_NOTE_BYTES = 65_536;
const MAX_SIGNATURES = 64;
const KEY_ID_BYTES = 4;
const ED25519_TYPE = 0x01;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) (\S+)$/u;
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f]/;

/** Reads a note (C2SP signed-note) whose text is a checkpoint (C2SP tlog-checkpoint). Throws LOG_PROOF_INVALID. */
export function parseCheckpoint(note: string): UnverifiedCheckpoint {
  if (Buffer.byteLength(note, 'utf8') > MAX_NOTE_BYTES)
    throw unproven(WHAT, `it exceeds ${MAX_NOTE_BYTES} bytes`);
  if (CONTROL.test(note) || !note.isWellFormed())
    throw unproven(WHAT, 'it holds characters that no note may hold');
  const gap = note.lastIndexOf('\n\n');
  if (gap < 0 || !note.endsWith('\n')) throw unproven(WHAT, 'it is no signed note');
  const body = note.slice(0, gap + 1);
  const signatureLines = note.slice(gap + 2, -1).split('\n');
  if (signatureLines.length > MAX_SIGNATURES)
    throw unproven(WHAT, `it has over ${MAX_SIGNATURES} signatures`);
  return { ...parseBody(body), signatures: signatureLines.map(parseSignature), body };
}

/**
 * The checkpoint, once the trusted key's signature over it was verified. Signatures by other keys are ignored.
 * Throws LOG_PROOF_INVALID, and TRUST_ROOT_INVALID for a key that cannot be used. `noteKey`: what `readNoteKey` made of the
 * trusted one, for who verifies many.
 */
export function verifyCheckpoint(
  note: string,
  trust: CheckpointTrust,
  noteKey: NoteKey = readNoteKey(trust.keyName ?? trust.origin, trust.spki),
): Checkpoint {
  const { origin, treeSize, rootHash, signatures, body } = parseCheckpoint(note);
  if (origin !== trust.origin) {
    throw unproven(WHAT, `its origin is ${quote(origin)} and not ${quote(trust.origin)}`);
  }
  const keyName = trust.keyName ?? trust.origin;
  const { key, keyId, algorithm } = noteKey;
  const ours = signatures.filter((each) => each.name === keyName && sameHash(each.keyId, keyId));
  if (ours.length === 0) {
    throw unproven(WHAT, `it is not signed by the trusted key ${quote(keyName)}`);
  }
  if (!ours.every(({ signature }) => verify(algorithm, Buffer.from(body, 'utf8'), key, signature))) {
    throw unproven(WHAT, `the signature of ${quote(keyName)} does not fit its text`);
  }
  return { origin, treeSize, rootHash, note };
}

/** SHA-256 of name, LF, 0x01 and the 32 bytes of the key, cut to 4 bytes (C2SP signed-note, Ed25519). */
export function ed25519KeyId(name: string, rawKey: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519_TYPE)).update(rawKey);
  return hash.digest().subarray(0, KEY_ID_BYTES);
}

/** SHA-256 of the SubjectPublicKeyInfo in DER, cut to 4 bytes (as Rekor names its ECDSA keys). */
export function ecdsaKeyId(spkiDer: Uint8Array): Uint8Array {
  return createHash('sha256').update(spkiDer).digest().subarray(0, KEY_ID_BYTES);
}

/** The text that a log signs (C2SP tlog-checkpoint). */
export function formatCheckpoint(checkpoint: {
  readonly origin: string;
  readonly treeSize: number;
  readonly rootHash: Uint8Array;
}): string {
  return `${checkpoint.origin}\n${checkpoint.treeSize}\n${base64(checkpoint.rootHash)}\n`;
}

/** The note: `body`, which ends in a line feed, with one signature. */
export function signNote(body: string, name: string, keyId: Uint8Array, signature: Uint8Array): string {
  return `${body}\n\u2014 ${name} ${base64(Buffer.concat([keyId, signature]))}\n`;
}

export interface NoteKey {
  readonly key: KeyObject;
  readonly keyId: Uint8Array;
  /** As node:crypto's verify takes it: Ed25519 hashes on its own. */
  readonly algorithm: 'sha256' | null;
}

/** A key (SubjectPublicKeyInfo in DER) as notes name it. Throws TRUST_ROOT_INVALID. */
export function readNoteKey(keyName: string, spki: Uint8Array): NoteKey {
  const key = publicKey(keyName, spki);
  const { kty, crv, x } = key.export({ format: 'jwk' });
  if (kty === 'OKP' && crv === 'Ed25519' && x !== undefined) {
    return { key, keyId: ed25519KeyId(keyName, Buffer.from(x, 'base64url')), algorithm: null };
  }
  if (kty === 'EC' && crv === 'P-256') return { key, keyId: ecdsaKeyId(spki), algorithm: 'sha256' };
  throw unusable(keyName, 'it is neither Ed25519 nor ECDSA P-256');
}

function publicKey(keyName: string, spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (cause) {
    throw unusable(keyName, 'it is no SubjectPublicKeyInfo in DER', cause);
  }
}

function unusable(keyName: string, reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot use the log's key ${quote(keyName)}: ${reason}; give the key that the log publishes`,
    cause,
  });
}

function parseBody(body: string): Omit<UnverifiedCheckpoint, 'signatures' | 'body'> {
  const [origin, size = '', root = '', ...extensions] = body.slice(0, -1).split('\n');
  if (!origin) throw unproven(WHAT, 'it names no origin');
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) {
    throw unproven(WHAT, 'its tree size is no number');
  }
  const rootHash = fromBase64(root);
  if (rootHash?.length !== HASH_BYTES)
    throw unproven(WHAT, `its root hash is not ${HASH_BYTES} bytes in base64`);
  if (extensions.includes('')) throw unproven(WHAT, 'it holds an empty line');
  return { origin, treeSize: Number(size), rootHash, extensions };
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = fromBase64(encoded);
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES)
    throw unproven(WHAT, 'it has a malformed signature line');
  return { name, keyId: bytes.subarray(0, KEY_ID_BYTES), signature: bytes.subarray(KEY_ID_BYTES) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Only the one spelling that base64() writes; undefined for any other. */
function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return base64(bytes) === text ? bytes : undefined;
}

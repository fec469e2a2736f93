import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { sameHash } from './leaf-hash.ts';
import { unproven } from './proof-error.ts';
import { parseCheckpoint, type NoteSignature } from './signed-note.ts';

/** Somebody who signs checkpoints of a log only where each continues the one before (C2SP tlog-cosignature). */
export interface Witness {
  readonly name: string;
  /** 4 bytes. */
  readonly keyId: Uint8Array;
  readonly key: KeyObject;
}

export interface WitnessPolicy {
  readonly witnesses: readonly Witness[];
  /** How many of them must have signed a checkpoint. */
  readonly quorum: number;
}

export interface Cosignature {
  readonly name: string;
  /** Seconds since the epoch, by the witness's clock: when it had seen no newer checkpoint. */
  readonly time: number;
}

const COSIGNATURE_TYPE = 0x04;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;
const VKEY = /^([^\s+\p{Cc}]{1,256})\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/u;
/** What stands before the 32 bytes in a SubjectPublicKeyInfo (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads witness keys in the form of C2SP signed-note, `name+hash+base64`, of the type for cosignatures (0x04). Throws
 * TRUST_ROOT_INVALID for another key, for a name or key that comes twice and for a quorum that no checkpoint can meet.
 */
export function parseWitnessPolicy(vkeys: readonly string[], quorum: number): WitnessPolicy {
  const witnesses = vkeys.map(parseWitness);
  const names = new Set(witnesses.map(({ name }) => name));
  const keys = new Set(vkeys.map((vkey) => vkey.slice(-44)));
  if (names.size < vkeys.length || keys.size < vkeys.length)
    throw unusable('a list of witnesses', 'one name or one key is in it twice', 'name each witness once');
  if (!Number.isSafeInteger(quorum) || quorum < 1 || quorum > vkeys.length)
    throw unusable(
      `${vkeys.length} witnesses`,
      `${quorum} of them cannot sign`,
      'set a quorum that they can meet',
    );
  return { witnesses, quorum };
}

/** SHA-256 of name, LF, 0x04 and the 32 bytes of the key, cut to 4 bytes. */
export function cosignatureKeyId(name: string, rawKey: Uint8Array): Uint8Array {
  const hash = createHash('sha256')
    .update(`${name}\n`)
    .update(Uint8Array.of(COSIGNATURE_TYPE))
    .update(rawKey);
  return hash.digest().subarray(0, KEY_ID_BYTES);
}

/** What a witness signs: the checkpoint's text, which ends in a line feed, with a time before it. */
export function cosignedMessage(checkpointBody: string, time: number): string {
  return `cosignature/v1\ntime ${time}\n${checkpointBody}`;
}

/**
 * The cosignatures of known witnesses on a checkpoint, one for each, the newest; those of others are ignored. The log's
 * own signature is not looked at. Throws LOG_PROOF_INVALID for one of a known witness that does not verify, and where
 * there are fewer than the quorum.
 */
export function requireWitnesses(note: string, { witnesses, quorum }: WitnessPolicy): readonly Cosignature[] {
  const { signatures, body } = parseCheckpoint(note);
  const found = witnesses.flatMap((witness) => {
    const times = signatures.filter(isBy(witness)).map((line) => verifiedTime(body, line, witness));
    return times.length === 0 ? [] : [{ name: witness.name, time: Math.max(...times) }];
  });
  if (found.length < quorum) {
    const names = found.map(({ name }) => quote(name)).join(', ');
    throw unproven(
      'the checkpoint',
      `${quorum} witnesses must have signed it, and these have: ${names || 'none'}`,
    );
  }
  return found;
}

function isBy({ name, keyId }: Witness): (line: NoteSignature) => boolean {
  return (line) => line.name === name && sameHash(line.keyId, keyId);
}

function verifiedTime(body: string, { signature }: NoteSignature, { name, key }: Witness): number {
  const bytes = Buffer.from(signature);
  const isWhole = bytes.length === TIME_BYTES + SIGNATURE_BYTES;
  const time = isWhole ? bytes.readBigUInt64BE() : -1n;
  const isTime = time >= 0n && time <= BigInt(Number.MAX_SAFE_INTEGER);
  const message = Buffer.from(cosignedMessage(body, Number(time)), 'utf8');
  if (!isTime || !verify(null, message, key, bytes.subarray(TIME_BYTES)))
    throw unproven('the checkpoint', `the cosignature of ${quote(name)} does not fit its text`);
  return Number(time);
}

function parseWitness(vkey: string): Witness {
  const [, name = '', hex = '', encoded = ''] = VKEY.exec(vkey) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  const hint = 'give it as name+hash+base64, as the witness publishes it';
  if (bytes.length !== 1 + KEY_BYTES || bytes.toString('base64') !== encoded)
    throw unusable(quote(vkey), 'it is no verifier key', hint);
  if (bytes[0] !== COSIGNATURE_TYPE)
    throw unusable(quote(vkey), 'it is no key for cosignatures (type 4)', hint);
  const rawKey = bytes.subarray(1);
  const keyId = cosignatureKeyId(name, rawKey);
  if (!sameHash(keyId, Buffer.from(hex, 'hex')))
    throw unusable(quote(vkey), 'its hash does not fit its key', hint);
  const der = Buffer.concat([SPKI_PREFIX, rawKey]);
  return { name, keyId, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

function unusable(what: string, reason: string, hint: string): AppError {
  return new AppError({ code: 'TRUST_ROOT_INVALID', message: `cannot trust ${what}: ${reason}; ${hint}` });
}

import { createPublicKey, type KeyObject } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import { parseP256Spki } from './p256.ts';

/**
 * The keys whose signatures count as ours, by SubjectPublicKeyInfo, DER in base64: each record names its own, so a
 * retired one goes on to count beside the one in use. Throws KEY_INVALID unless each is ECDSA P-256.
 */
export function makeAcceptedKeys(spkis: readonly string[]): ReadonlyMap<string, KeyObject> {
  return new Map(spkis.map((spki) => [spki, toKeyObject(spki)]));
}

function toKeyObject(spki: string): KeyObject {
  try {
    parseP256Spki(spki);
    return createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
  } catch (cause) {
    const message =
      'cannot accept a public key: it is not ECDSA P-256 in DER; make one with "tagseal keygen"';
    throw new AppError({ code: 'KEY_INVALID', message, cause });
  }
}

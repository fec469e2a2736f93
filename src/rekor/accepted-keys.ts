import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import type { SignedStatement } from '../ledger/evidence.ts';
import { keyHint } from './bundle.ts';
import { parseP256Spki, type P256Key } from './p256.ts';

/** The keys whose signatures count as ours. */
export interface AcceptedKeys {
  /** Keys by SubjectPublicKeyInfo, DER in base64. */
  readonly bySpki: ReadonlyMap<string, P256Key>;
  /** The key that a bundle names by this hint (keyHint), if it is one of them. */
  byHint(hint: string): KeyObject | undefined;
  /** Throws IDENTITY_MISMATCH for a foreign signer, RECORD_INVALID for a signature that does not fit. */
  verifySignature(signed: SignedStatement): void;
}

/** `spkis`: SubjectPublicKeyInfo, DER in base64, ECDSA P-256. Throws KEY_INVALID. */
export function makeAcceptedKeys(spkis: readonly string[]): AcceptedKeys {
  const bySpki = new Map(spkis.map((spki) => [spki, acceptKey(spki)]));
  const objects = new Map(spkis.map((spki) => [spki, toKeyObject(spki)]));
  const byHint = new Map(spkis.map((spki) => [keyHint(spki), toKeyObject(spki)]));
  return {
    bySpki,
    byHint: (hint) => byHint.get(hint),
    verifySignature({ statement, signature, verifier }) {
      const key = verifier.kind === 'publicKey' ? objects.get(verifier.spki) : undefined;
      if (key === undefined) throw foreignSigner(verifier.kind);
      const bytes = Buffer.from(signature, 'base64');
      if (
        bytes.toString('base64') === signature &&
        verify('sha256', Buffer.from(statement, 'utf8'), key, bytes)
      )
        return;
      const message =
        'cannot accept the record: its signature does not fit its statement; restore the record, or have it made anew';
      throw new AppError({ code: 'RECORD_INVALID', message });
    },
  };
}

function acceptKey(spki: string): P256Key {
  try {
    return parseP256Spki(spki);
  } catch (cause) {
    const message =
      'cannot accept a public key: it is not ECDSA P-256 in DER; make one with "tagseal keygen"';
    throw new AppError({ code: 'KEY_INVALID', message, cause });
  }
}

function toKeyObject(spki: string): KeyObject {
  return createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' });
}

function foreignSigner(kind: 'publicKey' | 'certificate'): AppError {
  const signer = kind === 'publicKey' ? 'a key' : 'a certificate';
  const message = `cannot accept the record: it is signed by ${signer} that is not ours; restore the signing key that made it, or the record`;
  return new AppError({ code: 'IDENTITY_MISMATCH', message });
}

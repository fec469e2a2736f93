import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { SignedStatement } from '../ledger/evidence.ts';
import type { StatementSigner } from '../protocol/ports.ts';

export const MAX_PEM_LENGTH = 16_384;
/** PKCS#8, RFC 1423 and cosign's own. */
export const ENCRYPTED_PEM = /-----BEGIN ENCRYPTED|Proc-Type:[^\n]*ENCRYPTED/;
const MAKE_ONE = 'make one with "tagseal keygen" and name its file';

export interface KeySigner extends StatementSigner {
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly spki: string;
  /** The public key as PEM: what `cosign verify-blob --key` takes. */
  readonly publicKeyPem: string;
}

/**
 * A signer for a P-256 private key, PKCS#8 or SEC1 PEM. Signatures are deterministic ECDSA with SHA-256
 * (RFC 6979 section 3.2), so one statement is one log entry for ever. `source` names the key in messages.
 * Throws KEY_INVALID.
 */
export function makeKeySigner({ pem, source }: { readonly pem: string; readonly source: string }): KeySigner {
  const privateKey = readPrivateKey(pem, source);
  const secret = secretOf(privateKey, source);
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    deterministic: true,
    spki,
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    async sign(statement): Promise<SignedStatement> {
      const signature = signDeterministically(Buffer.from(statement, 'utf8'), secret);
      return { statement, signature, verifier: { kind: 'publicKey', spki } };
    },
    // a reservation may be another signer's, whose certificate has ended: this one signs anew
    isFresh: ({ verifier, timestamp }) => verifier.kind === 'publicKey' || timestamp !== undefined,
  };
}

/** A new P-256 key: private PKCS#8 and public SPKI, both PEM. */
export function generateKey(): { readonly privateKeyPem: string; readonly publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function signDeterministically(message: Uint8Array, secret: Uint8Array): string {
  // lowS false: RFC 6979 as written, so the signature is the one that any other implementation makes
  const der = p256.sign(message, secret, { prehash: true, lowS: false, format: 'der' });
  return Buffer.from(der).toString('base64');
}

function readPrivateKey(pem: string, source: string): KeyObject {
  if (pem.length > MAX_PEM_LENGTH) throw keyInvalid(source, 'it is longer than any key', MAKE_ONE);
  if (ENCRYPTED_PEM.test(pem)) {
    throw keyInvalid(
      source,
      'it is encrypted',
      'decrypt it with "openssl pkcs8 -topk8 -nocrypt" and name that file',
    );
  }
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw keyInvalid(source, 'it is no private key in PEM form', MAKE_ONE, cause);
  }
}

function secretOf(key: KeyObject, source: string): Uint8Array {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve !== 'prime256v1') {
    const found = curve ?? key.asymmetricKeyType ?? 'unknown';
    throw keyInvalid(source, `it is of type ${quote(found)} and not ECDSA P-256`, MAKE_ONE);
  }
  return Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
}

function keyInvalid(source: string, why: string, todo: string, cause?: unknown): AppError {
  return new AppError({
    code: 'KEY_INVALID',
    message: `cannot sign with key ${quote(source)}: ${why}; ${todo}`,
    cause,
  });
}

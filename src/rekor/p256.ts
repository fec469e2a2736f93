import { createPublicKey, X509Certificate } from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import type { SignatureVerifier } from '../ledger/evidence.ts';

const POINT_BYTES = 65;

/** A P-256 public key. */
export interface P256Key {
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly spki: string;
  /** The uncompressed point, 65 bytes. */
  readonly point: Uint8Array;
}

/**
 * The key of a SubjectPublicKeyInfo in its one canonical form (DER, named curve, uncompressed point; RFC 5480).
 * Throws TypeError for every other curve and encoding, so that one key has one leaf.
 */
export function parseP256Spki(base64: string): P256Key {
  const der = Buffer.from(base64, 'base64');
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('the key is not on curve P-256');
  const spki = key.export({ format: 'der', type: 'spki' });
  if (spki.toString('base64') !== base64) throw new TypeError('the key is not in canonical DER');
  return { spki: base64, point: spki.subarray(-POINT_BYTES) };
}

/** The key that a public key or a certificate holds. Throws TypeError unless it is a canonical P-256 key. */
export function keyOf(verifier: SignatureVerifier): P256Key {
  if (verifier.kind === 'publicKey') return parseP256Spki(verifier.spki);
  const certificate = new X509Certificate(Buffer.from(verifier.der, 'base64'));
  if (certificate.raw.toString('base64') !== verifier.der)
    throw new TypeError('the certificate is not in canonical DER');
  return parseP256Spki(certificate.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'));
}

/** Whether a DER signature (base64) over a SHA-256 digest is by the key (FIPS 186-5 section 6.4.2). */
export function verifiesDigest(key: P256Key, digest: Uint8Array, signature: string): boolean {
  const der = Buffer.from(signature, 'base64');
  // node:crypto cannot verify a digest without the message that was hashed
  return p256.verify(der, digest, key.point, { prehash: false, lowS: false, format: 'der' });
}

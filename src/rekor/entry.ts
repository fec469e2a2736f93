import { createHash } from 'node:crypto';
import type { SignatureVerifier, SignedStatement } from '../ledger/evidence.ts';
import { leafHash } from '../ledger/leaf-hash.ts';
import { canonicalJson } from './canonical-json.ts';

/** `embedded` speaks the API of Rekor v2, and has its leaves. */
export type LogKind = 'embedded' | 'rekor-v1' | 'rekor-v2';

/** What a hashedrekord binds together; digest (SHA-256) and signature (DER) in base64. */
export interface EntryParts {
  readonly digest: string;
  readonly signature: string;
  readonly verifier: SignatureVerifier;
}

export const KEY_DETAILS = 'PKIX_ECDSA_P256_SHA_256';

/** The parts of the entry that a signed statement makes in any log. */
export function entryParts(signed: SignedStatement): EntryParts {
  const digest = createHash('sha256').update(signed.statement, 'utf8').digest('base64');
  return { digest, signature: signed.signature, verifier: signed.verifier };
}

/** The canonicalized body, which is the leaf of the tree. */
export function entryBody(kind: LogKind, parts: EntryParts): Uint8Array {
  return Buffer.from(canonicalJson(kind === 'rekor-v1' ? requestV1(parts) : entryV2(parts)), 'utf8');
}

/** RFC 6962 leaf hash, hex, of the entry that `signed` makes in a log of this kind. */
export function entryLeafHash(kind: LogKind, signed: SignedStatement): string {
  return Buffer.from(leafHash(entryBody(kind, entryParts(signed)))).toString('hex');
}

/** Body of `POST /api/v2/log/entries` (rekor-tiles, hashedrekord.proto: HashedRekordRequestV002). */
export function requestV2({ digest, signature, verifier }: EntryParts): object {
  return {
    hashedRekordRequestV002: { digest, signature: { content: signature, verifier: verifierV2(verifier) } },
  };
}

/** Body of `POST /api/v1/log/entries` (rekor, hashedrekord v0.0.1); its canonical form is the leaf. */
export function requestV1({ digest, signature, verifier }: EntryParts): object {
  const hash = { algorithm: 'sha256', value: Buffer.from(digest, 'base64').toString('hex') };
  const publicKey = { content: Buffer.from(verifierPem(verifier), 'utf8').toString('base64') };
  const spec = { data: { hash }, signature: { content: signature, publicKey } };
  return { apiVersion: '0.0.1', kind: 'hashedrekord', spec };
}

function entryV2({ digest, signature, verifier }: EntryParts): object {
  const data = { algorithm: 'SHA2_256', digest };
  const hashedRekordV002 = { data, signature: { content: signature, verifier: verifierV2(verifier) } };
  return { apiVersion: '0.0.2', kind: 'hashedrekord', spec: { hashedRekordV002 } };
}

function verifierV2(verifier: SignatureVerifier): object {
  return verifier.kind === 'publicKey'
    ? { keyDetails: KEY_DETAILS, publicKey: { rawBytes: verifier.spki } }
    : { keyDetails: KEY_DETAILS, x509Certificate: { rawBytes: verifier.der } };
}

/** A public key as v1 entries carry it: PEM in base64. */
export function pemContent(spki: string): string {
  return Buffer.from(verifierPem({ kind: 'publicKey', spki }), 'utf8').toString('base64');
}

/** As OpenSSL prints it (RFC 7468): lines of 64 characters. */
function verifierPem(verifier: SignatureVerifier): string {
  const [label, base64] =
    verifier.kind === 'publicKey' ? ['PUBLIC KEY', verifier.spki] : ['CERTIFICATE', verifier.der];
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

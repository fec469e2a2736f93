import * as z from 'zod/mini';
import type { SignatureVerifier } from '../../ledger/evidence.ts';
import { parseBoundedJson } from '../bounded-json.ts';
import { entryBody, KEY_DETAILS, type EntryParts } from '../entry.ts';
import { keyOf, verifiesDigest } from '../p256.ts';

const LIMITS = { maxBytes: 32_768, maxDepth: 6 };
const DIGEST_LENGTH = 44;

const base64 = z.string().check(
  z.minLength(1),
  z.refine((text) => Buffer.from(text, 'base64').toString('base64') === text),
);
const raw = z.strictObject({ rawBytes: base64 });
const verifier = z.union([
  z.strictObject({ keyDetails: z.literal(KEY_DETAILS), publicKey: raw }),
  z.strictObject({ keyDetails: z.literal(KEY_DETAILS), x509Certificate: raw }),
]);
const writeRequest = z.strictObject({
  hashedRekordRequestV002: z.strictObject({
    digest: base64.check(z.length(DIGEST_LENGTH)),
    signature: z.strictObject({ content: base64, verifier }),
  }),
});

/**
 * The leaf for the body of `POST /api/v2/log/entries`. Like Rekor v2 it demands that the signature over the digest is
 * by the key; unlike it, it knows only ECDSA P-256 and only canonical encodings. Throws for everything else.
 */
export function leafOfWriteRequest(body: Uint8Array): Uint8Array {
  const request = z.parse(writeRequest, parseBoundedJson(body, LIMITS)).hashedRekordRequestV002;
  const key = request.signature.verifier;
  const parts: EntryParts = {
    digest: request.digest,
    signature: request.signature.content,
    verifier: verifierOf(
      'publicKey' in key ? { spki: key.publicKey.rawBytes } : { der: key.x509Certificate.rawBytes },
    ),
  };
  if (!verifiesDigest(keyOf(parts.verifier), Buffer.from(parts.digest, 'base64'), parts.signature)) {
    throw new TypeError('the signature over the digest is not by the key');
  }
  return entryBody('embedded', parts);
}

function verifierOf(key: { readonly spki: string } | { readonly der: string }): SignatureVerifier {
  return 'spki' in key ? { kind: 'publicKey', spki: key.spki } : { kind: 'certificate', der: key.der };
}

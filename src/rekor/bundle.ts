import { createHash } from 'node:crypto';
import { BUNDLE_V03_MEDIA_TYPE } from '@sigstore/bundle';
import * as z from 'zod/mini';
import type { SerializedBundle, SignatureVerifier, SignedStatement } from '../ledger/evidence.ts';
import { entryParts } from './entry.ts';
import { parseLogEntry, printLogEntry, type LogEntry } from './log-entry.ts';

const entryOfBundle = z.object({
  verificationMaterial: z.object({ tlogEntries: z.tuple([z.unknown()]) }),
});

/** The one Sigstore bundle v0.3 (protobuf-specs, sigstore_bundle.proto) of a statement and its log entry. */
export function assembleBundle(signed: SignedStatement, entry: LogEntry): SerializedBundle {
  const { digest, signature, verifier } = entryParts(signed);
  return {
    mediaType: BUNDLE_V03_MEDIA_TYPE,
    verificationMaterial: {
      ...keyMaterial(verifier),
      tlogEntries: [printLogEntry(entry)],
      ...timestamps(signed.timestamp),
    },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature },
  };
}

/** The log entry that a bundle carries; it must carry exactly one. Throws ZodError. */
export function entryInBundle(bundle: SerializedBundle): LogEntry {
  return parseLogEntry(z.parse(entryOfBundle, bundle).verificationMaterial.tlogEntries[0]);
}

/** How a bundle names a key: base64 of SHA-256 over its SubjectPublicKeyInfo, as cosign does. */
export function keyHint(spki: string): string {
  return createHash('sha256').update(Buffer.from(spki, 'base64')).digest('base64');
}

function keyMaterial(verifier: SignatureVerifier): object {
  return verifier.kind === 'publicKey'
    ? { publicKey: { hint: keyHint(verifier.spki) } }
    : { certificate: { rawBytes: verifier.der } };
}

function timestamps(timestamp: string | undefined): object {
  if (timestamp === undefined) return {};
  return { timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: timestamp }] } };
}

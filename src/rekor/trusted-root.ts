import { createHash, createPublicKey } from 'node:crypto';
import type { LogKind } from './entry.ts';
import type { SigstoreTrust, Validity } from './sigstore-trust.ts';

const ED25519_KEY_BYTES = 32;
/** Signature type of Ed25519 in a signed note (C2SP signed-note, "Signature types"). */
const ED25519_NOTE_TYPE = 0x01;
export const BEGINNING_OF_TIME = '1970-01-01T00:00:00Z';

/** A log that is trusted: its checkpoints have this origin and are signed with this key. */
export interface LogTrust {
  readonly kind: LogKind;
  /** Origin line of its checkpoints; for `rekor-v1` its host, which there is followed by ` - <tree ID>`. */
  readonly origin: string;
  /** SubjectPublicKeyInfo, DER in base64: Ed25519 or ECDSA P-256. */
  readonly spki: string;
  /** Where a trusted root says that it is; earlier shards are read there. */
  readonly baseUrl?: string;
  /** When its key counts; always where absent. */
  readonly validFor?: Validity;
}

/**
 * Sigstore TrustedRoot v0.1 (protobuf-specs, sigstore_trustroot.proto) as JSON, with this one log in it and whoever
 * certifies and timestamps: all that cosign needs beside a public key or an identity.
 */
export function trustedRootFor(trust: LogTrust, sigstore?: SigstoreTrust): Readonly<Record<string, unknown>> {
  const keyId = logIdOf(trust);
  const keyDetails = isEd25519(trust.spki) ? 'PKIX_ED25519' : 'PKIX_ECDSA_P256_SHA_256';
  const validFor = { start: BEGINNING_OF_TIME, ...trust.validFor };
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        // verifiers look for the name in a checkpoint's signature inside this URL
        baseUrl: `https://${trust.origin}`,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: trust.spki, keyDetails, validFor },
        logId: { keyId },
        checkpointKeyId: { keyId },
      },
    ],
    certificateAuthorities: sigstore?.certificateAuthorities ?? [],
    ctlogs: sigstore?.ctlogs ?? [],
    timestampAuthorities: sigstore?.timestampAuthorities ?? [],
  };
}

/** The log ID in its entries, base64: the untruncated key ID of its checkpoints' signed note, or v1's key hash. */
export function logIdOf({ origin, spki }: LogTrust): string {
  const der = Buffer.from(spki, 'base64');
  const hash = createHash('sha256');
  if (!isEd25519(spki)) return hash.update(der).digest('base64');
  const raw = der.subarray(-ED25519_KEY_BYTES);
  return hash.update(`${origin}\n`).update(Buffer.of(ED25519_NOTE_TYPE)).update(raw).digest('base64');
}

export function isEd25519(spki: string): boolean {
  const key = Buffer.from(spki, 'base64');
  return createPublicKey({ key, format: 'der', type: 'spki' }).asymmetricKeyType === 'ed25519';
}

import { createHash } from 'node:crypto';
import type { Digest } from './digest.ts';
import { refuse } from './refuse.ts';

export type DigestAlgorithm = 'sha256' | 'sha512';

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

/** Whether the text is a digest that Tagseal accepts; never throws. */
export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/**
 * Reads `sha256:` with 64 or `sha512:` with 128 lower-case hex digits (OCI image-spec, descriptor.md "Digests").
 * Throws REFERENCE_INVALID with the reason.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw refuse('digest', text, reasonAgainst(text));
}

function reasonAgainst(text: string): string {
  const colon = text.indexOf(':');
  if (colon < 0) return 'it has no algorithm; write "sha256:" and 64 hex digits';
  const algorithm = text.slice(0, colon);
  if (algorithm !== 'sha256' && algorithm !== 'sha512') {
    return 'its algorithm is neither sha256 nor sha512; write "sha256:" and 64 hex digits';
  }
  const hex = text.slice(colon + 1);
  const length = HEX_LENGTH[algorithm];
  if (hex.length !== length) {
    return `${algorithm} takes ${length} hex digits and it has ${hex.length}; write the whole digest`;
  }
  if (/^[0-9a-fA-F]*$/.test(hex)) return 'its hex digits are not all lower case; write them in lower case';
  return 'it holds characters that are not hex digits; write 0-9 and a-f only';
}

/** The digest of the bytes. */
export function digestOf(algorithm: DigestAlgorithm, bytes: Uint8Array): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
}

/** The sha256 digest of the bytes. */
export function sha256Digest(bytes: Uint8Array): Digest {
  return digestOf('sha256', bytes);
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

/** The digest without its algorithm. */
export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

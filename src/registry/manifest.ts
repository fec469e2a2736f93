import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../reference/media-type.ts';
import { digestAlgorithm, digestOf, isDigest, sha256Digest } from '../reference/parse-digest.ts';
import type { Answer as WholeAnswer } from './send.ts';

type Answer = Pick<WholeAnswer, 'url' | 'header' | 'headers'>;

/** A manifest whose bytes were hashed here. */
export interface Manifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** Of the bytes: the digest that was asked for, or sha256 for a tag. */
  readonly digest: Digest;
}

const MEDIA_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST]);

/** The media type of a manifest that we accept, without parameters; undefined for any other, schema 1 among them. */
export function acceptedMediaType(answer: Answer): string | undefined {
  const essence = answer.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  return essence !== undefined && MEDIA_TYPES.has(essence) ? essence : undefined;
}

/** Throws REGISTRY_ANSWER_INVALID unless the headers announce a plain manifest of a known media type. */
export function requireMediaType(answer: Answer, aim: string): string {
  requireIdentity(answer, aim);
  const mediaType = acceptedMediaType(answer);
  if (mediaType !== undefined) return mediaType;
  const given = answer.header('content-type') ?? 'none';
  throw new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: ${quote(answer.url.host)} answers with media type ${quote(given)}, which is no OCI or Docker schema 2 manifest; publish the image again with a current tool`,
  });
}

/** Throws REGISTRY_ANSWER_INVALID when the body is encoded although identity was asked for. */
export function requireIdentity(answer: Answer, aim: string): void {
  const encodings = answer.headers('content-encoding');
  if (encodings.every((encoding) => encoding.trim().toLowerCase() === 'identity')) return;
  throw new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: ${quote(answer.url.host)} compresses its answer although it must not; switch content encoding off in front of the registry`,
  });
}

/** The digest header when there is exactly one and it is a digest. */
export function digestHeader(answer: Answer): Digest | undefined {
  const text = answer.header('docker-content-digest')?.trim();
  return text !== undefined && isDigest(text) ? text : undefined;
}

/**
 * Hashes the bytes and compares them with the digest that was asked for and with the one that the registry claims.
 * Throws DIGEST_MISMATCH.
 */
export function hashManifest(
  answer: Answer,
  bytes: Uint8Array,
  asked: Digest | undefined,
  aim: string,
): Digest {
  if (asked !== undefined) requireDigest(asked, bytes, `${quote(asked)} was asked for`, aim);
  const claimed = digestHeader(answer);
  if (claimed !== undefined) {
    requireDigest(claimed, bytes, `${quote(answer.url.host)} claims ${quote(claimed)}`, aim);
  }
  return asked ?? sha256Digest(bytes);
}

function requireDigest(expected: Digest, bytes: Uint8Array, who: string, aim: string): void {
  const actual = digestOf(digestAlgorithm(expected), bytes);
  if (actual === expected) return;
  throw new AppError({
    code: 'DIGEST_MISMATCH',
    message: `${aim}: ${who} but the manifest's bytes are ${quote(actual)}; do not use this registry until it is known why`,
  });
}

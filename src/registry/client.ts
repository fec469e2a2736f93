import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { MANIFEST_ACCEPT } from '../reference/media-type.ts';
import { digestAlgorithm, isDigest } from '../reference/parse-digest.ts';
import type { AuthorizedAnswer } from './authorized-send.ts';
import type { Follow } from './follow.ts';
import type { Limits } from './limits.ts';
import { acceptedMediaType, digestHeader, hashManifest, requireMediaType } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { readBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';
import { discard } from './send.ts';
import type { Credential } from './credential.ts';
import { withTimeLimit } from './time-limit.ts';

/** A manifest's place; `reference` is a tag or a digest. */
export interface ManifestTarget {
  readonly registry: string;
  readonly repository: string;
  readonly reference: string;
  /** Shown instead of our own. */
  readonly credential?: Credential;
}

/** Reads manifests. Throws every REGISTRY_* code, MANIFEST_UNKNOWN, DIGEST_MISMATCH, ADDRESS_FORBIDDEN, DEADLINE_EXCEEDED. */
export interface ManifestClient {
  /** GET; the bytes are hashed, and compared with a digest that was asked for. */
  get(target: ManifestTarget, signal: AbortSignal): Promise<Manifest>;
  /** HEAD; undefined when the registry gives no usable sha256 header, so that only a GET can tell. */
  head(target: ManifestTarget, signal: AbortSignal): Promise<Digest | undefined>;
}

export interface ManifestClientOptions {
  readonly follow: Follow;
  readonly limits: Limits;
}

interface Request {
  readonly target: ManifestTarget;
  readonly method: 'GET' | 'HEAD';
  readonly aim: string;
  readonly signal: AbortSignal;
}

/** Answers to a HEAD that only say that this registry cannot do HEAD. */
const HEAD_REFUSED: ReadonlySet<number> = new Set([400, 405, 501]);
const HEADERS = { accept: MANIFEST_ACCEPT, 'accept-encoding': 'identity' };

export function makeManifestClient(options: ManifestClientOptions): ManifestClient {
  const { limits } = options;

  function ask({ target, ...rest }: Request): Promise<AuthorizedAnswer> {
    return options.follow.toDocument({
      ...rest,
      target,
      resource: `manifests/${target.reference}`,
      headers: HEADERS,
    });
  }

  async function get(request: Request): Promise<Manifest> {
    const { target, aim, signal } = request;
    const answered = await ask(request);
    const { answer } = answered;
    if (answer.status !== 200) {
      await discard(answer);
      throw refusalOf(answered, { registry: target.registry, aim, unknown: 'MANIFEST_UNKNOWN' });
    }
    const mediaType = await orDiscard(answered, () => requireMediaType(answer, aim));
    const bytes = await readBody(answer, { limit: limits.manifestBytes, aim, signal });
    const asked = isDigest(target.reference) ? target.reference : undefined;
    return { bytes, mediaType, digest: hashManifest(answer, bytes, asked, aim) };
  }

  async function head(request: Request): Promise<Digest | undefined> {
    const answered = await ask(request);
    const { answer } = answered;
    await discard(answer);
    if (HEAD_REFUSED.has(answer.status)) return undefined;
    if (answer.status !== 200) {
      const { registry } = request.target;
      throw refusalOf(answered, { registry, aim: request.aim, unknown: 'MANIFEST_UNKNOWN' });
    }
    const digest = digestHeader(answer);
    if (digest === undefined || digestAlgorithm(digest) !== 'sha256') return undefined;
    return acceptedMediaType(answer) === undefined ? undefined : digest;
  }

  return {
    get: (target, signal) => {
      const aim = aimOf(target);
      return withTimeLimit(limits.manifestTotal, aim, signal, (limited) =>
        get({ target, aim, method: 'GET', signal: limited }),
      );
    },
    head: (target, signal) => {
      const aim = aimOf(target);
      return withTimeLimit(limits.manifestTotal, aim, signal, (limited) =>
        head({ target, aim, method: 'HEAD', signal: limited }),
      );
    },
  };
}

function aimOf({ registry, repository, reference }: ManifestTarget): string {
  const separator = isDigest(reference) ? '@' : ':';
  return `cannot resolve ${quote(`${registry}/${repository}${separator}${reference}`)}`;
}

async function orDiscard<Value>({ answer }: AuthorizedAnswer, judge: () => Value): Promise<Value> {
  try {
    return judge();
  } catch (error) {
    await discard(answer);
    throw error;
  }
}

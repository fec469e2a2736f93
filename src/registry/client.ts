import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { MANIFEST_ACCEPT } from '../reference/media-type.ts';
import { digestAlgorithm, isDigest } from '../reference/parse-digest.ts';
import { AppError } from '../errors/app-error.ts';
import type { AddressGuard } from './address-guard.ts';
import type { AuthorizedAnswer, AuthorizedSend } from './authorized-send.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';
import { acceptedMediaType, digestHeader, hashManifest, requireMediaType } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { readBody } from './read-body.ts';
import { isRedirect, redirectTarget } from './redirect.ts';
import { refusalOf } from './refusal.ts';
import { discard } from './send.ts';
import type { Send } from './send.ts';
import { ANONYMOUS } from './credential.ts';
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
  readonly send: Send;
  readonly authorizedSend: AuthorizedSend;
  readonly hosts: Hosts;
  readonly guard: AddressGuard;
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
  const { hosts, limits } = options;

  /** One hop; only the registry's own origin is shown a credential, and may have the address that it has. */
  async function hop(url: URL, home: URL, { target, ...rest }: Request): Promise<AuthorizedAnswer> {
    const call = { ...rest, url, headers: HEADERS, agent: 'documents' } as const;
    if (url.origin === home.origin) return await options.authorizedSend({ ...call, ...target });
    const agent = hosts.isNamed(home) ? 'documents' : 'strangers';
    return { answer: await options.send({ ...call, agent }), credential: ANONYMOUS };
  }

  async function follow(request: Request): Promise<AuthorizedAnswer> {
    const home = hosts.originOf(request.target.registry);
    let url = manifestUrl(home, request.target);
    for (let hops = 0; hops <= limits.redirects; hops += 1) {
      const answered = await hop(url, home, request);
      if (!isRedirect(answered.answer)) return answered;
      await discard(answered.answer);
      url = redirectTarget(answered.answer, request.aim, options);
    }
    throw tooManyRedirects(request, limits.redirects);
  }

  async function get(request: Request): Promise<Manifest> {
    const { target, aim, signal } = request;
    const answered = await follow(request);
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
    const answered = await follow(request);
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

function manifestUrl(home: URL, { repository, reference }: ManifestTarget): URL {
  return new URL(`/v2/${repository}/manifests/${reference}`, home);
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

function tooManyRedirects({ target, aim }: Request, redirects: number): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: registry ${quote(target.registry)} redirects more than ${redirects} times; check its configuration`,
  });
}

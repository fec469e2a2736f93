import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AddressGuard } from './address-guard.ts';
import type { AuthorizedAnswer, AuthorizedSend } from './authorized-send.ts';
import { ANONYMOUS } from './credential.ts';
import type { Credential } from './credential.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';
import type { MirrorChoice, Place } from './mirrors.ts';
import { isRedirect, redirectTarget } from './redirect.ts';
import { discard } from './send.ts';
import type { Send } from './send.ts';
import { withTimeLimit } from './time-limit.ts';

/** A question about a repository, wherever its answer lies. */
export interface FollowRequest {
  readonly target: {
    readonly registry: string;
    readonly repository: string;
    /** Shown instead of our own. */
    readonly credential?: Credential;
  };
  /** What stands behind the repository: `manifests/1.0`, `tags/list?n=5`. */
  readonly resource: string;
  readonly method: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  readonly aim: string;
  readonly signal: AbortSignal;
}

/** Asks a registry and goes where it sends us. Throws what a Send throws, REGISTRY_ANSWER_INVALID, REGISTRY_UNAUTHORIZED. */
export interface Follow {
  /** Follows every redirect; other hosts than the registry are shown no credential. */
  toDocument(request: FollowRequest): Promise<AuthorizedAnswer>;
  /** Follows redirects within the registry, and gives the address to which it sends its clients beyond. */
  toBlob(request: FollowRequest): Promise<AuthorizedAnswer | URL>;
}

export interface FollowOptions {
  readonly send: Send;
  readonly authorizedSend: AuthorizedSend;
  readonly hosts: Hosts;
  readonly guard: AddressGuard;
  readonly limits: Limits;
  readonly mirrors: MirrorChoice;
}

const CONTENT = /^(?:manifests|blobs)\//;

export function makeFollow(options: FollowOptions): Follow {
  const { hosts, limits, mirrors } = options;

  /** Only the registry's own origin is shown a credential, and may have the address that it has. */
  async function document(url: URL, home: URL, request: FollowRequest): Promise<AuthorizedAnswer> {
    const call = { ...callOf(request), url, agent: 'documents' } as const;
    if (url.origin === home.origin)
      return await options.authorizedSend({ ...call, ...repositoryOf(request) });
    const agent = hosts.isNamed(home) ? 'documents' : 'strangers';
    return { answer: await options.send({ ...call, agent }), credential: ANONYMOUS };
  }

  async function toDocument(request: FollowRequest): Promise<AuthorizedAnswer> {
    const home = hosts.originOf(request.target.registry);
    let url = urlOf(home, request);
    for (let hops = 0; hops <= limits.redirects; hops += 1) {
      const answered = await document(url, home, request);
      if (!isRedirect(answered.answer)) return answered;
      await discard(answered.answer);
      url = redirectTarget(answered.answer, request.aim, options);
    }
    throw tooManyRedirects(request, limits.redirects);
  }

  async function toBlob(request: FollowRequest): Promise<AuthorizedAnswer | URL> {
    const home = hosts.originOf(request.target.registry);
    let url = urlOf(home, request);
    for (let hops = 0; hops <= limits.redirects; hops += 1) {
      const call = { ...callOf(request), ...repositoryOf(request), url, agent: 'blobs' } as const;
      const answered = await options.authorizedSend(call);
      if (!isRedirect(answered.answer)) return answered;
      await discard(answered.answer);
      url = redirectTarget(answered.answer, request.aim, options);
      // within the registry it may need our login, which a client does not have
      if (url.origin !== home.origin) return url;
    }
    throw tooManyRedirects(request, limits.redirects);
  }

  /** A mirror's answer when it has one; refusals and failures are for the registry itself to repeat. */
  async function fromMirror<Found extends AuthorizedAnswer | URL>(
    place: Place,
    request: FollowRequest,
    ask: (request: FollowRequest) => Promise<Found>,
  ): Promise<Found | undefined> {
    try {
      const found = await withTimeLimit(limits.mirror, request.aim, request.signal, (signal) =>
        ask({ ...request, target: place, signal }),
      );
      if (found instanceof URL || found.answer.status < 400) return found;
      await discard(found.answer);
      return undefined;
    } catch (error) {
      if (mirrors.giveUp(place, error)) return undefined;
      throw error;
    }
  }

  async function first<Found extends AuthorizedAnswer | URL>(
    request: FollowRequest,
    ask: (request: FollowRequest) => Promise<Found>,
  ): Promise<Found> {
    // a client's login is for the registry alone, and lists of a mirror are not whole
    const isMirrored = request.target.credential === undefined && CONTENT.test(request.resource);
    for (const place of isMirrored ? mirrors.placesOf(request.target) : []) {
      const found = await fromMirror(place, request, ask);
      if (found !== undefined) return found;
    }
    return await ask(request);
  }

  return {
    toDocument: (request) => first(request, toDocument),
    toBlob: (request) => first(request, toBlob),
  };
}

function callOf({ method, headers, aim, signal }: FollowRequest) {
  return { method, headers, aim, signal };
}

function repositoryOf({ target: { registry, repository, credential } }: FollowRequest) {
  return { registry, repository, ...(credential && { credential }) };
}

function urlOf(home: URL, { target, resource }: FollowRequest): URL {
  return new URL(`/v2/${target.repository}/${resource}`, home);
}

function tooManyRedirects({ target, aim }: FollowRequest, redirects: number): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: registry ${quote(target.registry)} redirects more than ${redirects} times; check its configuration`,
  });
}

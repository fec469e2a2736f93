import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { AddressGuard } from './address-guard.ts';
import type { AuthorizedAnswer, AuthorizedSend } from './authorized-send.ts';
import { ANONYMOUS } from './credential.ts';
import type { Credential } from './credential.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';
import { isRedirect, redirectTarget } from './redirect.ts';
import { discard } from './send.ts';
import type { Send } from './send.ts';

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
}

export function makeFollow(options: FollowOptions): Follow {
  const { hosts, limits } = options;

  /** Only the registry's own origin is shown a credential, and may have the address that it has. */
  async function document(url: URL, home: URL, request: FollowRequest): Promise<AuthorizedAnswer> {
    const call = { ...callOf(request), url, agent: 'documents' } as const;
    if (url.origin === home.origin)
      return await options.authorizedSend({ ...call, ...repositoryOf(request) });
    const agent = hosts.isNamed(home) ? 'documents' : 'strangers';
    return { answer: await options.send({ ...call, agent }), credential: ANONYMOUS };
  }

  return {
    async toDocument(request) {
      const home = hosts.originOf(request.target.registry);
      let url = urlOf(home, request);
      for (let hops = 0; hops <= limits.redirects; hops += 1) {
        const answered = await document(url, home, request);
        if (!isRedirect(answered.answer)) return answered;
        await discard(answered.answer);
        url = redirectTarget(answered.answer, request.aim, options);
      }
      throw tooManyRedirects(request, limits.redirects);
    },

    async toBlob(request) {
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
    },
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

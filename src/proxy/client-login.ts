import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PullAccess } from '../check/ports.ts';
import { sendJson } from '../http/json.ts';
import { parseBasic } from '../http/password-check.ts';
import { sendOciError } from './oci-error.ts';
import { parseName } from './route.ts';
import type { ParsedUrl } from './route.ts';
import { makeTokenCapsules } from './token-capsule.ts';
import type { Grant } from './token-capsule.ts';
import type { ClientCredential, UpstreamRepository } from './upstream-port.ts';

export interface ClientLoginOptions {
  /** Whether clients of the registry pull with their own credentials. */
  readonly isForClients: (registry: string) => boolean;
  /** Under which clients reach us: realms are never made of what they send. */
  readonly publicUrl: URL;
  /** 32 bytes that all replicas have. */
  readonly key: Uint8Array;
  readonly clock: { now(): number };
}

/** Clients' own credentials for upstreams (distribution, "Token Authentication"). */
export interface ClientLogin {
  /** `/token`. */
  sendToken(request: IncomingMessage, parsed: ParsedUrl, response: ServerResponse): void;
  /** Asks for a login, or says that the one given is not enough. */
  challenge(parsed: ParsedUrl, response: ServerResponse, message?: string): void;
  /** Whether the request carries a token of ours. */
  hasToken(request: IncomingMessage): boolean;
  /** What to show the registry; undefined when the client must log in first. */
  credentialFor(request: IncomingMessage, target: UpstreamRepository): ClientCredential | undefined;
  readonly isForClients: (registry: string) => boolean;
}

const MAX_SCOPES = 8;
const SCOPE = /^repository:([^: ]{1,255}):[a-z*,]{1,64}$/;
const MAX_LOGIN = 4096;

export function makeClientLogin({ isForClients, publicUrl, key, clock }: ClientLoginOptions): ClientLogin {
  const capsules = makeTokenCapsules(key);

  function grantOf(request: IncomingMessage): Grant | undefined {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    return token === undefined ? undefined : capsules.open(token, clock.now());
  }

  return {
    isForClients,

    sendToken(request, { query }, response) {
      const header = request.headers.authorization;
      const basic = parseBasic(header);
      if ((header !== undefined && basic === undefined) || (header?.length ?? 0) > MAX_LOGIN) {
        sendOciError(response, {
          status: 401,
          code: 'UNAUTHORIZED',
          message: 'log in with a user and a password, or with nothing',
        });
        return;
      }
      const service = query.get('service') ?? '';
      const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
      const repositories = scopes
        .slice(0, MAX_SCOPES)
        .flatMap((scope) => repositoryOf(scope, service === publicUrl.host ? '' : service));
      const login = basic && { username: basic.user, password: basic.password };
      const { token, seconds } = capsules.seal({ repositories, ...(login && { login }) }, clock.now());
      const issued = new Date(clock.now()).toISOString();
      sendJson(
        response,
        200,
        { token, access_token: token, expires_in: seconds, issued_at: issued },
        { 'Cache-Control': 'no-store' },
      );
    },

    challenge({ asked, registryOfHost }, response, message) {
      const scope = asked === undefined ? '' : `,scope="repository:${asked.name}:pull"`;
      // names under a host of their own, or with ns, mean another registry's; many clients keep the service of the first challenge
      const service = asked?.registry ?? registryOfHost ?? publicUrl.host;
      const error = message === undefined ? '' : ',error="insufficient_scope"';
      const realm = new URL('/token', publicUrl).href;
      sendOciError(response, {
        status: 401,
        code: 'UNAUTHORIZED',
        message: message ?? 'log in to this proxy with your credentials for the registry',
        headers: {
          'WWW-Authenticate': `Bearer realm="${realm}",service="${service}"${scope}${error}`,
        },
      });
    },

    hasToken: (request) => grantOf(request) !== undefined,

    credentialFor(request, { registry, repository }) {
      const grant = grantOf(request);
      if (grant?.repositories.includes(`${registry}/${repository}`) !== true) return undefined;
      if (grant.login === undefined) return { kind: 'anonymous' };
      return { kind: 'basic', ...grant.login, source: 'the credentials of the client' };
    },
  };
}

/** A scope names a repository as the client calls it. Nothing for what is no scope of a repository. */
function repositoryOf(scope: string, service: string): readonly string[] {
  const name = SCOPE.exec(scope)?.[1];
  const found = name === undefined ? undefined : parseName(name, service === '' ? undefined : service);
  return found === undefined ? [] : [`${found.registry}/${found.repository}`];
}

/** How the core may ask the registry for this client: with its credential alone, and for nobody else. */
export function accessOf(registry: string, credential: ClientCredential): PullAccess {
  const name = createHash('sha256')
    .update(JSON.stringify([registry, credential]))
    .digest('hex');
  const content =
    credential.kind === 'anonymous'
      ? { auths: {} }
      : { auths: { [registry]: { username: credential.username, password: credential.password } } };
  const secret = {
    name: 'the client',
    type: 'dockerconfigjson',
    content: JSON.stringify(content),
  } as const;
  return {
    scope: `client ${name}`,
    isOnly: true,
    secrets: () => Promise.resolve({ secrets: [secret], unreadable: [] }),
  };
}

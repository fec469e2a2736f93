import { makeTtlCache } from '../cache/ttl-cache.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import { basicHeader, credentialAdvice, describeCredential, identityOf } from './credential.ts';
import type { Credential, CredentialSource } from './credential.ts';
import type { Hosts } from './hosts.ts';
import { judgeRealm } from './realm.ts';
import { discard } from './send.ts';
import type { Answer, Call, Send } from './send.ts';
import type { TokenRequest, Tokens } from './token.ts';

/** A call to a registry about one of its repositories. */
export interface RepositoryCall extends Omit<Call, 'authorization' | 'account'> {
  readonly registry: string;
  readonly repository: string;
  /** Shown instead of what the configuration has for the repository. */
  readonly credential?: Credential;
}

/** An answer, and the credential that was at hand, for the message about a refusal. */
export interface AuthorizedAnswer {
  readonly answer: Answer;
  readonly credential: Credential;
}

/** Sends a call, logs in when the registry asks for it, and gives the answer; a 401 that is left is given as it is. */
export type AuthorizedSend = (call: RepositoryCall) => Promise<AuthorizedAnswer>;

/** How a repository wanted to be asked the last time. */
type Scheme =
  | { readonly kind: 'basic'; readonly header: string }
  | { readonly kind: 'bearer'; readonly request: TokenRequest };

const MAX_REPOSITORIES = 4096;
/** Scopes are short; a long one is somebody's attempt. */
const MAX_SCOPE = 1024;
/** Milliseconds after which a repository is asked without a login again. */
const SCHEME_TTL = 3_600_000;

export interface AuthorizedSendOptions {
  readonly send: Send;
  readonly tokens: Tokens;
  readonly credentials: CredentialSource;
  readonly hosts: Hosts;
  readonly clock: Clock;
}

export function makeAuthorizedSend(options: AuthorizedSendOptions): AuthorizedSend {
  const { send, tokens, credentials, hosts } = options;
  const schemes = makeTtlCache<Scheme>({ max: MAX_REPOSITORIES, now: () => options.clock.now() });

  /** The header that the repository accepted before, if it can still be valid. */
  function heldHeader(scheme: Scheme | undefined): string | undefined {
    if (scheme?.kind === 'basic') return scheme.header;
    const token = scheme === undefined ? undefined : tokens.held(scheme.request);
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  async function login(scheme: Scheme, rejected: string | undefined, signal: AbortSignal): Promise<string> {
    if (scheme.kind === 'basic') return scheme.header;
    return `Bearer ${await tokens.get(scheme.request, rejected?.replace(/^Bearer /, ''), signal)}`;
  }

  return async (call) => {
    const credential =
      call.credential ?? (await credentials.find(call.registry, call.repository, call.signal));
    const identity = identityOf(credential);
    const key = JSON.stringify([call.registry, call.repository, identity]);
    const account = call.credential && { account: identity };
    const held = heldHeader(schemes.get(key));
    const first = await send({ ...call, ...account, authorization: held });
    if (first.status !== 401) return { answer: first, credential };
    const challenges = parseChallenges(first.headers('www-authenticate'));
    await discard(first);
    const scheme = chooseScheme(challenges, call, credential, hosts);
    const authorization = await login(scheme, held, call.signal);
    const answer = await send({ ...call, ...account, authorization });
    if (answer.status !== 401) schemes.set(key, scheme, SCHEME_TTL);
    return { answer, credential };
  };
}

/** Bearer if it is offered, else Basic if there is a password. Throws REGISTRY_UNAUTHORIZED, REGISTRY_ANSWER_INVALID. */
function chooseScheme(
  challenges: readonly Challenge[],
  call: RepositoryCall,
  credential: Credential,
  hosts: Hosts,
): Scheme {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer !== undefined) {
    const { parameters } = bearer;
    const request = {
      registry: call.registry,
      realm: judgeRealm(parameters.get('realm') ?? '', call.registry, hosts),
      service: parameters.get('service'),
      scope: scopeOf(parameters.get('scope'), call.repository),
      credential,
      ...(call.credential && { account: identityOf(credential) }),
      aim: call.aim,
    };
    return { kind: 'bearer', request };
  }
  if (challenges.some(({ scheme }) => scheme === 'basic') && credential.kind === 'basic') {
    return { kind: 'basic', header: basicHeader(credential) };
  }
  throw noWayIn(challenges, call, credential);
}

/** A challenge may name a scope of its own (ECR public: `aws`), and may leave it out. */
function scopeOf(offered: string | undefined, repository: string): string {
  if (offered !== undefined && offered !== '' && offered.length <= MAX_SCOPE) return offered;
  return `repository:${repository}:pull`;
}

function noWayIn(challenges: readonly Challenge[], call: RepositoryCall, credential: Credential): AppError {
  const asked = challenges.map(({ scheme }) => scheme).join(', ');
  const wants = asked === '' ? 'names no way to log in' : `asks for a login by ${quote(asked)}`;
  return new AppError({
    code: 'REGISTRY_UNAUTHORIZED',
    message: `${call.aim}: registry ${quote(call.registry)} answers 401 ${describeCredential(credential)} and ${wants}; ${credentialAdvice(credential, call.registry)}`,
  });
}

import { z } from 'zod/mini';
import { makeSingleFlight } from '../cache/single-flight.ts';
import { makeTtlCache } from '../cache/ttl-cache.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import { basicHeader, credentialAdvice, describeCredential, identityOf } from './credential.ts';
import type { Credential } from './credential.ts';
import type { Limits } from './limits.ts';
import { readBody } from './read-body.ts';
import type { Realm } from './realm.ts';
import { badStatus, discard } from './send.ts';
import type { Answer, Call, Send } from './send.ts';

/** What a Bearer token is for. */
export interface TokenRequest {
  readonly registry: string;
  readonly realm: Realm;
  readonly service: string | undefined;
  readonly scope: string;
  readonly credential: Credential;
  /** As in a Call. */
  readonly account?: string;
  readonly aim: string;
}

/** Bearer tokens of the token services (distribution, "Token Authentication" and "OAuth2 Token Authentication"). */
export interface Tokens {
  /**
   * A token, remembered or new, whose text is not `rejected`. Throws REGISTRY_UNAUTHORIZED, REGISTRY_ANSWER_INVALID, and
   * what a Send throws.
   */
  get(request: TokenRequest, rejected: string | undefined, signal: AbortSignal): Promise<string>;
  /** A remembered token that is still valid. */
  held(request: TokenRequest): string | undefined;
}

const DEFAULT_LIFETIME_SECONDS = 60;
/** A token must not outlive a changed permission by much, whatever its issuer says. */
const MAX_LIFETIME_SECONDS = 3600;
/** A token that is about to end would end on its way. */
const SKEW_SECONDS = 10;
const MAX_TOKENS = 4096;
const CLIENT_ID = 'tagseal';

const tokenText = z.string().check(z.regex(/^[\x21-\x7e]+$/));
const answerSchema = z.object({
  token: z.optional(z.nullable(z.string())),
  access_token: z.optional(z.nullable(z.string())),
  expires_in: z.optional(z.nullable(z.number())),
});

export interface TokensOptions {
  readonly send: Send;
  readonly clock: Clock;
  readonly limits: Limits;
}

export function makeTokens({ send, clock, limits }: TokensOptions): Tokens {
  const remembered = makeTtlCache<string>({ max: MAX_TOKENS, now: () => clock.now() });
  const flights = makeSingleFlight<string>();

  async function issue(request: TokenRequest, key: string, signal: AbortSignal): Promise<string> {
    const answer = await send({
      ...tokenCall(request),
      ...(request.account !== undefined && { account: request.account }),
      aim: request.aim,
      agent: 'documents',
      signal,
    });
    if (answer.status !== 200) {
      await discard(answer);
      throw refusal(request, answer);
    }
    const body = await readBody(answer, { limit: limits.tokenBytes, aim: request.aim, signal });
    const { token, seconds } = parseToken(body, request);
    if (seconds > 0) remembered.set(key, token, seconds * 1000);
    return token;
  }

  return {
    held: (request) => remembered.get(keyOf(request)),
    async get(request, rejected, signal) {
      const key = keyOf(request);
      const known = remembered.get(key);
      // a token that somebody else has renewed meanwhile is as good as a new one
      if (known !== undefined && known !== rejected) return known;
      remembered.delete(key);
      return await flights.run(key, (shared) => issue(request, key, shared), signal);
    },
  };
}

function keyOf(request: TokenRequest): string {
  const { registry, realm, service, scope, credential, account } = request;
  return JSON.stringify([registry, realm.url.href, service, scope, identityOf(credential), account]);
}

function tokenCall(
  request: TokenRequest,
): Pick<Call, 'url' | 'method' | 'headers' | 'authorization' | 'body'> {
  const { realm, service, scope, credential } = request;
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  if (credential.kind === 'identityToken' && realm.credentials) {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID, scope });
    if (service !== undefined) form.set('service', service);
    form.set('refresh_token', credential.token);
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    return { url: realm.url, method: 'POST', headers: { ...headers, ...type }, body: form.toString() };
  }
  const url = new URL(realm.url);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  if (credential.kind !== 'basic' || !realm.credentials) return { url, method: 'GET', headers };
  return { url, method: 'GET', headers, authorization: basicHeader(credential) };
}

function parseToken(body: Uint8Array, request: TokenRequest): { token: string; seconds: number } {
  const answer = answerSchema.safeParse(parseJson(body, request));
  const token = tokenText.safeParse(answer.data?.token ?? answer.data?.access_token);
  if (!token.success) throw invalid(request, 'its answer holds no token');
  const lifetime = answer.data?.expires_in ?? DEFAULT_LIFETIME_SECONDS;
  return { token: token.data, seconds: Math.min(lifetime, MAX_LIFETIME_SECONDS) - SKEW_SECONDS };
}

function parseJson(body: Uint8Array, request: TokenRequest): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    // no cause: the parser's message quotes the answer, and with it perhaps a token
    throw invalid(request, 'its answer is not JSON');
  }
}

function refusal(request: TokenRequest, answer: Answer): AppError {
  const { aim, credential, registry, realm } = request;
  if (answer.status >= 500) return badStatus(aim, answer.url.host, answer.status);
  if (answer.status < 400) return invalid(request, `it answers ${answer.status} and not with a token`);
  const shown = realm.credentials ? describeCredential(credential) : 'without credentials';
  return new AppError({
    code: 'REGISTRY_UNAUTHORIZED',
    message: `${aim}: token service ${quote(answer.url.host)} answers ${answer.status} ${shown}; ${credentialAdvice(credential, registry)}`,
  });
}

function invalid({ aim, realm }: TokenRequest, why: string): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: token service ${quote(realm.url.host)}: ${why}; check what answers under this host name`,
  });
}

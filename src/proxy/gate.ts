import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientAddress, clientNetwork } from '../http/client-address.ts';
import { parseBasic, type PasswordCheck } from '../http/password-check.ts';
import { makeTokenBuckets } from '../http/token-buckets.ts';
import { makeNewTags, type NewTags } from './new-tags.ts';
import { sendOciError } from './oci-error.ts';
import { tooMany } from './refusal.ts';
import type { Route } from './route.ts';

/** What one client may ask for in a minute; 0: no limit. */
export interface ClientLimits {
  /** All requests, known digests and blobs among them. */
  readonly requestsPerMinute: number;
  /** Manifests by tag, and lists. */
  readonly tagsPerMinute: number;
  /** Tags that nobody has asked for before: each is an entry of the log. */
  readonly newTagsPerMinute: number;
}

export interface GateOptions {
  readonly limits: ClientLimits;
  /** Our own proxies in front, whose X-Forwarded-For counts. */
  readonly trustedHops: number;
  /** Names this deployment in `Via`. */
  readonly via: string;
  /** Absent: nobody logs in. */
  readonly checkPassword?: PasswordCheck;
  readonly clock: { monotonicMs(): number };
}

export interface Client {
  /** A user, or an address; for limits. */
  readonly key: string;
}

export interface Gate {
  /** Who asks, or nothing once the request was refused. */
  enter(request: IncomingMessage, response: ServerResponse): Promise<Client | undefined>;
  /** Whether the client may ask for this now; what is too much is answered. */
  mayAsk(client: Client, route: Route, response: ServerResponse): boolean;
  readonly newTags: NewTags;
}

/** Wrong passwords of one address, in a minute. */
const WRONG_PASSWORDS = 30;
/** Tagseals in a row that are no accident. */
const MAX_TAGSEALS = 4;

export function makeGate({ limits, trustedHops, via, checkPassword, clock }: GateOptions): Gate {
  const buckets = (perMinute: number) => makeTokenBuckets({ perMinute, clock });
  const requests = buckets(limits.requestsPerMinute);
  const tags = buckets(limits.tagsPerMinute);
  const logins = buckets(WRONG_PASSWORDS);

  async function login(
    request: IncomingMessage,
    address: string,
    response: ServerResponse,
  ): Promise<Client | undefined> {
    const given = parseBasic(request.headers.authorization);
    if (checkPassword === undefined) return { key: address };
    if (given === undefined) {
      challenge(response, 'this proxy asks for a user and a password; log in to it');
      return undefined;
    }
    const wait = logins.take(address);
    if (wait > 0) {
      sendOciError(response, tooMany('wrong passwords', wait));
      return undefined;
    }
    const result = await checkPassword(given.user, given.password);
    if (result !== false) logins.giveBack(address);
    if (result === true) return { key: `user ${given.user}` };
    if (result === 'busy') sendOciError(response, tooMany('logins at once', 2));
    else challenge(response, 'the user or the password is wrong; log in to this proxy again');
    return undefined;
  }

  return {
    async enter(request, response) {
      const hops = (request.headers.via ?? '').split(',').filter((hop) => hop.includes(' tagseal-'));
      if (hops.length >= MAX_TAGSEALS || hops.some((hop) => hop.trim().endsWith(` ${via}`))) {
        sendOciError(response, {
          status: 403,
          code: 'DENIED',
          message: 'this request comes from this very proxy: one of its upstreams leads back to it',
        });
        return undefined;
      }
      return login(request, clientNetwork(clientAddress(request, trustedHops)), response);
    },
    mayAsk({ key }, { kind }, response) {
      if (kind === 'ping') return true;
      const wait = Math.max(requests.take(key), isOfTags(kind) ? tags.take(key) : 0);
      if (wait === 0) return true;
      sendOciError(response, tooMany('requests', wait));
      return false;
    },
    newTags: makeNewTags({ perMinute: limits.newTagsPerMinute, clock }),
  };
}

function isOfTags(kind: Route['kind']): boolean {
  return kind === 'manifest-tag' || kind === 'tags' || kind === 'referrers';
}

function challenge(response: ServerResponse, message: string): void {
  const headers = { 'WWW-Authenticate': 'Basic realm="tagseal", charset="UTF-8"' };
  sendOciError(response, { status: 401, code: 'UNAUTHORIZED', message, headers });
}

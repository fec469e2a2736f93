import pRetry from 'p-retry';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import type { Agents } from './agent.ts';
import type { Hosts } from './hosts.ts';
import type { Limits } from './limits.ts';
import type { RateLimits } from './rate-limits.ts';
import { deadlineExceeded, isTransient, OUTAGE_SECONDS, toSendError } from './send-error.ts';

/** One call, without redirects. */
export interface Call {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
  /** Whose limit the call is counted against, where it is not ours. */
  readonly account?: string;
  /** A form; a call with one is not repeated. */
  readonly body?: string;
  readonly agent: 'documents' | 'strangers' | 'blobs';
  /** How messages about this call begin, for example `cannot resolve "alpine:3"`. */
  readonly aim: string;
  readonly signal: AbortSignal;
}

/** The status line and headers; the body is still to be read or to be discarded. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  /** The one value of a header; undefined when it is absent or given more than once. */
  header(name: string): string | undefined;
  /** Every value of a header. */
  headers(name: string): readonly string[];
  readonly body: Dispatcher.ResponseData['body'];
}

/**
 * Sends a call and gives its answer, whatever its status but 429, 502, 503 and 504. Throws ADDRESS_FORBIDDEN,
 * REGISTRY_RATE_LIMITED, REGISTRY_UNAVAILABLE, REGISTRY_ANSWER_INVALID, DEADLINE_EXCEEDED.
 */
export type Send = (call: Call) => Promise<Answer>;

export interface SendOptions {
  readonly agents: Agents;
  readonly hosts: Hosts;
  readonly rateLimits: RateLimits;
  readonly limits: Limits;
  /** Told of every call that went out: its method, and `ok` or the code that it came to. */
  readonly onCall?: OnCall;
  /** Names us in `Via` (RFC 9110, 7.6.3), so that a call that comes back to us is known. */
  readonly via?: string;
}

export type OnCall = (method: Call['method'], outcome: 'ok' | ErrorCode) => void;

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);
/** More than this of an unwanted body is not worth a kept connection. */
const DISCARD_BYTES = 64 * 1024;

export function makeSend(options: SendOptions): Send {
  async function once(call: Call): Promise<Answer> {
    const { host, pathname } = call.url;
    options.rateLimits.check(host, call.aim, call.account);
    if (call.method === 'GET' && pathname.includes('/manifests/'))
      options.rateLimits.checkBudget(host, call.aim, call.account);
    try {
      const answer = await attempt(call);
      options.onCall?.(call.method, 'ok');
      return answer;
    } catch (error) {
      options.onCall?.(call.method, error instanceof AppError ? error.code : 'REGISTRY_UNAVAILABLE');
      throw error;
    }
  }

  async function attempt(call: Call): Promise<Answer> {
    const answer = await exchange(call, options);
    options.rateLimits.hear(call.url.host, answer.header('ratelimit-remaining'), call.account);
    if (answer.status === 429) {
      await discard(answer);
      throw options.rateLimits.impose(call.url.host, call.aim, answer.header('retry-after'), call.account);
    }
    if (TRANSIENT_STATUS.has(answer.status)) {
      await discard(answer);
      throw badStatus(call.aim, call.url.host, answer.status);
    }
    return answer;
  }

  return async (call) => {
    checkScheme(call, options.hosts);
    try {
      return await pRetry(() => once(call), {
        retries: call.method === 'POST' ? 0 : options.limits.retries,
        minTimeout: options.limits.retryDelay,
        shouldRetry: ({ error }) => isTransient(error),
        signal: call.signal,
      });
    } catch (error) {
      if (call.signal.aborted) throw deadlineExceeded(call.aim, error);
      throw toSendError(error, call.url.host, call.aim);
    }
  };
}

/** Lets go of an answer whose body nobody wants. */
export async function discard(answer: Answer): Promise<void> {
  await answer.body.dump({ limit: DISCARD_BYTES });
}

/** For a status that says that the registry cannot answer now. */
export function badStatus(aim: string, host: string, status: number): AppError {
  return new AppError({
    code: 'REGISTRY_UNAVAILABLE',
    message: `${aim}: ${quote(host)} answers ${status}; try again, and ask whoever runs it if it goes on`,
    retryAfterSeconds: OUTAGE_SECONDS,
  });
}

function checkScheme({ url, aim }: Call, hosts: Hosts): void {
  if (hosts.mayCall(url)) return;
  throw new AppError({
    code: 'ADDRESS_FORBIDDEN',
    message: `${aim}: ${quote(`${url.protocol}//${url.host}`)} is not https; name the host in registries.plainHttp if it is meant`,
  });
}

async function exchange(call: Call, { agents, via }: SendOptions): Promise<Answer> {
  try {
    const response = await request(call.url, {
      dispatcher: agents[call.agent],
      method: call.method,
      signal: call.signal,
      body: call.body ?? null,
      // undici closes the connection after each HEAD, for servers that answer one with a body; of such a server the next
      // answer fails to parse and is asked for again, while a recheck of every tag must not cost a TLS handshake
      reset: false,
      headers: {
        ...call.headers,
        ...(via !== undefined && { via: `1.1 ${via}` }),
        ...(call.authorization === undefined ? {} : { authorization: call.authorization }),
      },
    });
    const headers = (name: string): readonly string[] => {
      const value = response.headers[name];
      return value === undefined ? [] : [value].flat();
    };
    return {
      url: call.url,
      status: response.statusCode,
      headers,
      header: (name) => (headers(name).length === 1 ? headers(name)[0] : undefined),
      body: response.body,
    };
  } catch (error) {
    throw toSendError(error, call.url.host, call.aim);
  }
}

import { request, type Dispatcher } from 'undici';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { systemCode } from '../../errors/system-code.ts';
import { aborted } from '../transport.ts';
import { signerAway } from './signer-error.ts';

const TIME_LIMIT_MS = 10_000;
const LONGEST_WAIT_SECONDS = 600;

export interface ServiceRequest {
  /** For messages, with its address: `Fulcio at "https://…"`. */
  readonly service: string;
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** The longest answer that makes sense; a longer one is an error. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface ServiceAnswer {
  readonly status: number;
  /** By name in lower case. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
}

/** One exchange with a service that helps to sign. Throws SIGNER_UNAVAILABLE, DEADLINE_EXCEEDED. */
export type ServiceCall = (request: ServiceRequest) => Promise<ServiceAnswer>;

export interface ServiceCallOptions {
  readonly dispatcher?: Dispatcher;
  /** For one exchange, its whole answer included. */
  readonly timeLimitMs?: number;
}

/** Calls over HTTP: follows no redirect, reads at most `maxBytes`, puts no header and no body into a message. */
export function makeServiceCall({
  dispatcher,
  timeLimitMs = TIME_LIMIT_MS,
}: ServiceCallOptions): ServiceCall {
  return async (call) => {
    const limit = AbortSignal.timeout(timeLimitMs);
    const signal = AbortSignal.any([call.signal, limit]);
    try {
      return await exchangeTwice({ ...call, signal }, dispatcher);
    } catch (cause) {
      if (call.signal.aborted) throw aborted(call.signal, `waiting for ${call.service}`);
      if (cause instanceof AppError) throw cause;
      const why = limit.aborted
        ? `no answer within ${timeLimitMs / 1000} s`
        : (systemCode(cause) ?? 'the exchange broke off');
      throw signerAway(
        `cannot reach ${call.service}: ${why}; check its address and that it is running`,
        cause,
      );
    }
  };
}

/** A connection that the server closed while idle fails only when it is used; a second certificate does no harm. */
async function exchangeTwice(call: ServiceRequest, dispatcher?: Dispatcher): Promise<ServiceAnswer> {
  try {
    return await exchange(call, dispatcher);
  } catch (error) {
    const broken = systemCode(error);
    if (broken !== 'ECONNRESET' && broken !== 'EPIPE' && broken !== 'UND_ERR_SOCKET') throw error;
    return await exchange(call, dispatcher);
  }
}

async function exchange(call: ServiceRequest, dispatcher?: Dispatcher): Promise<ServiceAnswer> {
  const answer = await request(call.url, {
    method: call.method,
    headers: call.headers,
    body: call.body ?? null,
    signal: call.signal,
    ...(dispatcher !== undefined && { dispatcher }),
  });
  const header = (name: string): string | undefined => answer.headers[name]?.toString();
  return { status: answer.statusCode, header, body: await readAtMost(answer.body, call) };
}

async function readAtMost(body: AsyncIterable<Uint8Array>, call: ServiceRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // leaving the loop destroys the stream, and with it the connection
    if (length > call.maxBytes) {
      throw signerAway(
        `cannot use ${call.service}: its answer is longer than ${call.maxBytes} bytes; check its address`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Seconds that an answer asks to wait, within reason. */
export function retryAfter(answer: ServiceAnswer): number | undefined {
  const seconds = Number(/^[0-9]{1,6}$/.exec(answer.header('retry-after') ?? '')?.[0] ?? NaN);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), LONGEST_WAIT_SECONDS);
}

/** The address of a service; `setting` is named when it is none. Throws CONFIG_INVALID, which never holds the text. */
export function parseServiceUrl(text: string, setting: string): URL {
  const url = URL.parse(text);
  const isPlain = url !== null && url.username + url.password === '' && /^https?:$/.test(url.protocol);
  if (isPlain) return url;
  const message = `cannot use ${setting}: it is not a plain http or https address; name one such as "https://fulcio.example.com"`;
  throw new AppError({ code: 'CONFIG_INVALID', message });
}

/** The service's name and address for a message. */
export function serviceAt(name: string, url: URL): string {
  return `${name} at ${quote(`${url.origin}${url.pathname}`.replace(/\/+$/, ''))}`;
}

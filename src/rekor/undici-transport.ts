import { X509Certificate } from 'node:crypto';
import { Agent, request, type Dispatcher } from 'undici';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { unavailable } from './log-answer.ts';
import { systemCode } from '../errors/system-code.ts';
import { aborted, type LogRequest, type LogResponse, type LogTransport } from './transport.ts';

const DEFAULT_LIMITS = { writeMs: 25_000, readMs: 10_000 };

export interface UndiciTransportOptions {
  /** `http` or `https`; paths of requests are appended to its path. */
  readonly baseUrl: string;
  readonly dispatcher?: Dispatcher;
  /** Time for one exchange; Rekor v2 answers a write only after a checkpoint, so allow more than 20 s. */
  readonly timeLimits?: { readonly writeMs: number; readonly readMs: number };
}

export interface OwnConnections {
  /** Certificates in PEM that are trusted beside no others; undefined: those of the system. */
  readonly ca?: string | undefined;
  /** To one log at the same time. */
  readonly connections?: number;
}

const MAX_CONNECTIONS = 16;
const KEEP_ALIVE_MS = 30_000;

/** As makeUndiciTransport, with connections of its own, which end with `close`. Throws CONFIG_INVALID. */
export function openUndiciTransport({
  ca,
  connections = MAX_CONNECTIONS,
  ...options
}: Omit<UndiciTransportOptions, 'dispatcher'> & OwnConnections): {
  readonly transport: LogTransport;
  close(): Promise<void>;
} {
  if (ca !== undefined) assertCertificates(ca);
  const keepAlive = { keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS };
  const agent = new Agent({ connections, ...keepAlive, ...(ca === undefined ? {} : { connect: { ca } }) });
  return { transport: makeUndiciTransport({ ...options, dispatcher: agent }), close: () => agent.destroy() };
}

function assertCertificates(ca: string): void {
  try {
    // Node takes a text without certificates for an empty list of them
    new X509Certificate(ca).toString();
  } catch (cause) {
    const message =
      'cannot trust the certificates for the log: they are not in PEM; name a file that holds some';
    throw new AppError({ code: 'CONFIG_INVALID', message, cause });
  }
}

/** Talks to a log over HTTP. Follows no redirect, trusts no header, reads at most `maxBytes`. */
export function makeUndiciTransport(options: UndiciTransportOptions): LogTransport {
  const base = parseBaseUrl(options.baseUrl);
  const limits = options.timeLimits ?? DEFAULT_LIMITS;
  return async (call) => {
    const limit = AbortSignal.timeout(call.method === 'POST' ? limits.writeMs : limits.readMs);
    const signal = AbortSignal.any([call.signal, limit]);
    const url = `${base}${call.path}`;
    try {
      return await exchangeTwice(url, { ...call, signal }, options.dispatcher);
    } catch (cause) {
      throw asAppError(cause, call, { url, limit });
    }
  };
}

/** A connection that the server closed while idle fails only when it is used; the same bytes may be sent again. */
async function exchangeTwice(url: string, call: LogRequest, dispatcher?: Dispatcher): Promise<LogResponse> {
  try {
    return await exchange(url, call, dispatcher);
  } catch (error) {
    const broken = systemCode(error);
    if (broken !== 'ECONNRESET' && broken !== 'EPIPE' && broken !== 'UND_ERR_SOCKET') throw error;
    return await exchange(url, call, dispatcher);
  }
}

async function exchange(url: string, call: LogRequest, dispatcher?: Dispatcher): Promise<LogResponse> {
  const answer = await request(url, {
    method: call.method,
    headers: { accept: '*/*', ...call.headers },
    body: call.body ?? null,
    signal: call.signal,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    // it ends with an error that nobody waits for
    answer.body.on('error', () => undefined).destroy();
    throw unavailable(`its answer is encoded as ${quote(encoding)}, which nobody asked for`);
  }
  const body = await readAtMost(answer.body, call.maxBytes);
  if (body !== undefined) return { status: answer.statusCode, headers, body };
  if (call.mayBeCut !== true) throw unavailable(`its answer is longer than ${call.maxBytes} bytes`);
  return { status: answer.statusCode, headers, body: new Uint8Array(), isCut: true };
}

/** Undefined for more. */
async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // leaving the loop destroys the stream, and with it the connection
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function asAppError(
  cause: unknown,
  call: LogRequest,
  at: { readonly url: string; readonly limit: AbortSignal },
): AppError {
  const doing = `reach the log at ${quote(at.url)}`;
  if (call.signal.aborted) return aborted(call.signal, `waiting for the log at ${quote(at.url)}`);
  if (at.limit.aborted)
    return unavailable(`cannot ${doing}: no answer within its time limit; try again later`, cause);
  const why = cause instanceof AppError ? cause.message : (systemCode(cause) ?? 'the exchange broke off');
  return unavailable(`cannot ${doing}: ${why}; check the url and that the log is running`, cause);
}

function parseBaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !isPlain(url)) {
    // the text itself may hold a password
    const message = `cannot use log url: it is not a plain http or https address; name one such as "https://rekor.example.com"`;
    throw new AppError({ code: 'CONFIG_INVALID', message });
  }
  return url.href.replace(/\/+$/, '');
}

function isPlain(url: URL): boolean {
  const rest = url.username + url.password + url.search + url.hash;
  return rest === '' && (url.protocol === 'http:' || url.protocol === 'https:');
}

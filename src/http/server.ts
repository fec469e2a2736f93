import http from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseListenAddress } from './listen-address.ts';
import { makeRoom } from './make-room.ts';
import { followExchanges } from './shutdown.ts';
import type { CertificatePair } from './tls.ts';

/** What a stranger may cost us. Times in milliseconds. */
export interface ServerLimits {
  readonly headersTimeoutMs: number;
  /** For the whole request to arrive; says nothing of the answer. */
  readonly requestTimeoutMs: number;
  /** Above what the clients keep: client-go keeps idle connections for 90 s. */
  readonly keepAliveTimeoutMs: number;
  /** A connection on which nothing moves, in the middle of an answer too. */
  readonly idleTimeoutMs: number;
  readonly maxHeaderBytes: number;
  /** Beyond them the one that has been idle for longest is cut. */
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 35_000,
  keepAliveTimeoutMs: 120_000,
  idleTimeoutMs: 150_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4096,
};

/** `clientCa`: PEM of who certifies clients; others cannot connect. Without it nobody is asked. */
export interface ServerCertificate extends CertificatePair {
  readonly clientCa?: string;
}

export interface ServerOptions {
  /** `host:port`, `[ipv6]:port` or `:port`; port 0 lets the system choose. */
  readonly listen: string;
  /** The setting that `listen` comes from, for messages: `proxy.listen`. */
  readonly setting: string;
  readonly handler: RequestListener;
  /** HTTPS with this certificate; plain HTTP without. */
  readonly certificate?: ServerCertificate;
  readonly limits?: Partial<ServerLimits>;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:5050`, with an address that can be dialled from this machine. */
  readonly url: string;
  /** New connections get the new certificate, live ones keep the old. Throws KEY_INVALID and then keeps the old one. */
  replaceCertificate(certificate: ServerCertificate): void;
  /** Serves on, and sends every client away with its next answer. Resolves when all have gone, at the latest after `forMs`. */
  retire(forMs: number): Promise<void>;
  /** Stops accepting, finishes what is in flight for at most `graceMs`, then cuts. Safe to repeat. */
  stop(graceMs: number): Promise<void>;
}

/** Serves HTTP/1.1. Throws CONFIG_INVALID, KEY_INVALID, ADDRESS_IN_USE. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const address = parseListenAddress(options.listen, options.setting);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = makeServer(options, limits);
  const drain = followExchanges(server);
  server.on('request', (request, response) => {
    if (request.headers.host === undefined && request.httpVersion !== '1.0') refuse(response, 400);
    else options.handler(request, response);
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) =>
    refuse(response, 417),
  );
  server.setTimeout(limits.idleTimeoutMs);
  makeRoom(server, limits.maxConnections);
  server.on('clientError', answerBadRequest);
  await listen(server, address, options);
  const bound = boundAddress(server);
  let stopping: Promise<void> | undefined;

  return {
    host: bound.address,
    port: bound.port,
    url: `${options.certificate === undefined ? 'http' : 'https'}://${dialable(bound)}:${bound.port}`,
    replaceCertificate: (certificate) => {
      if (server instanceof https.Server) setCertificate(server, certificate);
    },
    retire: (forMs) => drain.retire(forMs),
    stop: (graceMs) => (stopping ??= drain.stop(graceMs)),
  };
}

function makeServer({ certificate }: ServerOptions, limits: ServerLimits): Server | https.Server {
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    connectionsCheckingInterval: Math.min(5000, limits.requestTimeoutMs / 2),
    noDelay: true,
    // it is required all the same, and missed in an answer that clients can read
    requireHostHeader: false,
  };
  if (certificate === undefined) return http.createServer(options);
  try {
    const requestCert = certificate.clientCa !== undefined;
    return https.createServer({
      ...options,
      ...secureContext(certificate),
      requestCert,
      rejectUnauthorized: requestCert,
    });
  } catch (error) {
    throw unusablePair(error);
  }
}

function secureContext({ cert, key, clientCa }: ServerCertificate) {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) } as const;
}

function setCertificate(server: https.Server, certificate: ServerCertificate): void {
  try {
    server.setSecureContext(secureContext(certificate));
  } catch (error) {
    throw unusablePair(error);
  }
}

function unusablePair(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : 'the pair was refused';
  return new AppError({
    code: 'KEY_INVALID',
    message: `cannot serve TLS: certificate and key do not make a pair (${why}); check that both files are PEM and belong together`,
    cause,
  });
}

async function listen(
  server: Server,
  address: { readonly host?: string; readonly port: number },
  options: ServerOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const onError = (error: Error) => reject(cannotListen(error, options));
  server.once('error', onError);
  server.listen({ ...address, backlog: 1024 }, () => resolve(undefined));
  await promise;
  server.removeListener('error', onError);
}

function cannotListen(cause: Error, { listen: text, setting }: ServerOptions): AppError {
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') {
    return new AppError({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${quote(text)}: another program has that address; stop it, or set ${setting} to a free one`,
      cause,
    });
  }
  return new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot listen on ${quote(text)}: ${cause.message}; set ${setting} to an address and port of this machine that this user may open`,
    cause,
  });
}

function boundAddress(server: Server): AddressInfo {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') {
    throw new AppError({ code: 'INTERNAL', message: 'a listening server has no address' });
  }
  return bound;
}

function dialable({ address }: AddressInfo): string {
  if (address === '::' || address === '0.0.0.0') return '127.0.0.1';
  return address.includes(':') ? `[${address}]` : address;
}

const BAD_REQUEST_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** As in the OCI distribution spec, whose clients read this; nobody else reads it. */
function errorsJson(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNSUPPORTED', message, detail: null }] });
}

/** RFC 9112, 3.2 (no Host) and RFC 9110, 10.1.1 (an unknown Expect). */
function refuse(response: ServerResponse, status: 400 | 417): void {
  const message =
    status === 400 ? 'the request names no host; send a Host header' : 'nobody can meet what Expect asks for';
  const body = errorsJson(message);
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length, Connection: 'close' };
  response.writeHead(status, headers).end(body);
}

/** What does not even parse as HTTP still gets JSON. */
function answerBadRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = BAD_REQUEST_STATUS[error.code ?? ''] ?? '400 Bad Request';
  const body = errorsJson('cannot read the request as HTTP/1.1');
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

const TLS_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/** As libpq means them: `require` encrypts and verifies nothing, `verify-ca` does not look at the name. */
export type PostgresTls = (typeof TLS_MODES)[number];

export interface PostgresServer {
  /** Name, address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty: none. */
  readonly password: string;
  readonly database: string;
  readonly tls: PostgresTls;
}

const DEFAULT_PORT = 5432;
const MAX_LENGTH = 2048;

/**
 * `postgres://user:password@host:port/database?sslmode=verify-full`; a socket's folder is a percent-encoded host. TLS is
 * verified unless the server is on this machine. Throws CONFIG_INVALID, whose message never holds the address.
 */
export function parsePostgresUrl(text: string, { hasCa }: { readonly hasCa: boolean }): PostgresServer {
  if (text.length > MAX_LENGTH) throw invalid(`is longer than ${MAX_LENGTH} characters`);
  const url = parsedUrl(text);
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    throw invalid('must start with postgres://');
  if (url.hash !== '') throw invalid('holds a #; write it as %23 where it belongs to the password');
  const host = hostOf(url);
  return {
    host,
    port: portOf(url),
    user: part(url.username, 'user'),
    password: decoded(url.password),
    database: part(url.pathname.replace(/^\//, ''), 'database'),
    tls: tlsMode(url, { host, hasCa }),
  };
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined) return url;
  throw invalid(
    'must look like postgres://user:password@host:5432/database, special characters of the password percent-encoded',
  );
}

function hostOf(url: URL): string {
  const host = decoded(url.hostname).replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw invalid('names no host');
  if (host.includes(',')) throw invalid('names several hosts; name one, or a proxy in front of them');
  return host;
}

function portOf({ port }: URL): number {
  const number = port === '' ? DEFAULT_PORT : Number(port);
  if (number === 0) throw invalid('names port 0; the usual one is 5432');
  return number;
}

function part(text: string, what: string): string {
  const value = decoded(text);
  // eslint-disable-next-line no-control-regex -- a NUL would end the field on the wire
  if (value === '' || /[/\u0000]/.test(value)) throw invalid(`names no ${what}`);
  return value;
}

function tlsMode(url: URL, { host, hasCa }: { readonly host: string; readonly hasCa: boolean }): PostgresTls {
  for (const name of url.searchParams.keys()) {
    if (name !== 'sslmode') throw invalid(`has the parameter ${quote(name)}; only sslmode is known`);
  }
  const [asked, second] = url.searchParams.getAll('sslmode');
  if (second !== undefined) throw invalid('has sslmode twice');
  const isSocket = host.startsWith('/');
  const mode = asked === undefined ? defaultMode(host, hasCa) : knownMode(asked);
  if (isSocket && mode !== 'disable') throw invalid('asks for TLS on a Unix socket; leave out sslmode');
  if (hasCa && (mode === 'disable' || mode === 'require')) {
    throw invalid(`has sslmode=${mode}, which verifies nothing; leave out store.caFile, or use verify-full`);
  }
  return mode;
}

function defaultMode(host: string, hasCa: boolean): PostgresTls {
  if (host.startsWith('/')) return 'disable';
  const isLoopback = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
  return isLoopback && !hasCa ? 'disable' : 'verify-full';
}

function knownMode(asked: string): PostgresTls {
  const mode = TLS_MODES.find((candidate) => candidate === asked);
  if (mode !== undefined) return mode;
  throw invalid(
    `has sslmode=${quote(asked)}; it must be one of ${TLS_MODES.join(', ')} (the others fall back to plain text)`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // the cause holds nothing but "URI malformed"
    throw invalid('has a % that starts no percent-encoding; write it as %25');
  }
}

function invalid(why: string): AppError {
  return new AppError({ code: 'CONFIG_INVALID', message: `store.url (TAGSEAL_STORE_URL) ${why}` });
}

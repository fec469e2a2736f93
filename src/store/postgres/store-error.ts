import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { systemCode } from '../../errors/system-code.ts';
import { REACH, wireProblems } from '../../errors/wire-problem.ts';
import { placeOf, type PostgresServer } from './server.ts';

const RETRY_AFTER_SECONDS = 2;

/** Codes of Node's sockets and TLS, and SQLSTATE classes of PostgreSQL (appendix A of its manual). */
const BY_CODE: Readonly<Record<string, string>> = {
  ...wireProblems('set store.caFile to the authority of its certificate'),
  ENOENT: `there is no such socket; ${REACH}`,
  EACCES: 'this user may not open its socket; mend the permissions',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name; use the name that it holds in store.url',
  '28P01': 'it refused user or password; check store.url',
  '28000': 'it does not let this user in; check pg_hba.conf and the user of store.url',
  '3D000': 'it has no such database; create it',
  '53300': 'it has no connection left; lower store.maxConnections or raise its max_connections',
  '53100': 'its disk is full; free space',
  '57P01': 'it is shutting down; start it again',
  '57P02': 'it crashed and is starting again; try again',
  '57P03': 'it is starting or stopping; try again',
  '57014': 'the statement took too long; look for locks and for load on the server',
  '55P03': 'a lock was not free in time; look for locks on the server',
  '25006': 'it is read-only, as a standby is; name the primary in store.url',
  '42501': 'this user lacks a privilege; grant it as docs/stores.md says',
};

/** Words of the driver for what has no code. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, 'it does not speak TLS; enable ssl on the server, or set sslmode in store.url'],
  [/timeout/i, `no connection came about in time; ${REACH}`],
  [/password must be/i, 'it wants a password, and store.url has none; add it'],
  [/terminated|connection error/i, `it broke off the connection; ${REACH}`],
];

/** Any failure of the driver as STORE_UNAVAILABLE: one line with the place and without the password. */
export function storeError(error: unknown, server: PostgresServer): AppError {
  return error instanceof AppError ? error : unavailable(server, explain(error, server), error);
}

export function unavailable(server: PostgresServer, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot use the store ${quote(placeOf(server))}: ${why}`,
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function explain(error: unknown, { password }: PostgresServer): string {
  const code = sqlState(error);
  const known = BY_CODE[code];
  // what the server says of its own access rules names the rule
  if (known !== undefined && code !== '28000') return known;
  const message = error instanceof Error ? error.message : String(error);
  const [, matched] = BY_MESSAGE.find(([pattern]) => code === '' && pattern.test(message)) ?? [];
  if (matched !== undefined) return matched;
  // a server that got the password may echo it
  const said = password !== '' && message.includes(password) ? 'an error' : quote(message);
  const where = code === '' ? '' : ` (${code})`;
  return `it said ${said}${where}; ${known ?? 'see the log of the server'}`;
}

/** Or the code of a socket's error; empty where there is none. */
function sqlState(error: unknown): string {
  return systemCode(error) ?? '';
}

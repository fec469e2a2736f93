import type { ConnectionOptions } from 'node:tls';
import type { ClientConfig } from 'pg';
import type { PostgresServer } from './server.ts';

const CONNECT_MS = 3_000;
const KEEP_ALIVE_MS = 10_000;

/** Everything explicit: what is left out here the driver would take from PG* variables and from ~/.pgpass. */
export function clientOptions(server: PostgresServer): ClientConfig {
  const { host, port, user, password, database } = server;
  return {
    host,
    port,
    user,
    // as a function it is neither replaced when empty nor kept where it could be printed
    password: () => password,
    database,
    ssl: tlsOptions(server),
    sslnegotiation: 'postgres',
    application_name: 'tagseal',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
}

function tlsOptions({ tls, ca }: PostgresServer): ConnectionOptions | false {
  if (tls === 'disable') return false;
  return {
    rejectUnauthorized: tls !== 'require',
    ...(ca !== undefined && { ca }),
    ...(tls === 'verify-ca' && { checkServerIdentity: () => undefined }),
  };
}

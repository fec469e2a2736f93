/** Where and how to connect. */
export interface PostgresServer {
  /** Name, address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty: none. */
  readonly password: string;
  readonly database: string;
  readonly tls: 'disable' | 'require' | 'verify-ca' | 'verify-full';
  /** PEM; absent: the public authorities. */
  readonly ca?: string;
}

/** The server for messages: its address without the password. */
export function placeOf({ host, port, user, database }: PostgresServer): string {
  const address = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  return `postgres://${encodeURIComponent(user)}@${address}:${port}/${encodeURIComponent(database)}`;
}

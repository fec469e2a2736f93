import { randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, StoreSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Logger } from '../observe/log.ts';
import type { GenerationFollower, RecordStore } from '../protocol/ports.ts';
import { makeDirectoryStore } from '../store/directory-store.ts';
import { openPostgresStore } from '../store/postgres-store.ts';

export interface OpenedStore {
  readonly store: RecordStore;
  /** Where other processes write too. */
  readonly follower?: GenerationFollower;
  close(): Promise<void>;
}

/** The store of the config. Throws CONFIG_INVALID, STORE_UNAVAILABLE. */
export async function openStore({ store, dataDir }: Config, logger: Logger): Promise<OpenedStore> {
  if (store.kind === 'postgres') return openPostgres(store, logger);
  return {
    store: makeDirectoryStore({ directory: join(dataDir, 'records'), uniqueName: randomUUID }),
    close: () => Promise.resolve(),
  };
}

async function openPostgres(
  { server, caFile, maxConnections }: Extract<StoreSettings, { readonly kind: 'postgres' }>,
  logger: Logger,
): Promise<OpenedStore> {
  const ca = caFile === undefined ? {} : { ca: await readCa(caFile) };
  // every call has its own time limit
  const { signal } = new AbortController();
  return openPostgresStore({ server: { ...server, ...ca }, maxConnections, logger }, signal);
}

async function readCa(path: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    // tls itself takes any text, and would only say that the server is not trusted
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const why = String(cause).replace(/^Error: /, '');
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `cannot use store.caFile ${quote(path)}: ${why}; name a file of PEM certificates`,
      cause,
    });
  }
}

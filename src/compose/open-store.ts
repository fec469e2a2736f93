import { randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config, StoreSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import type { Cluster } from './cluster/cluster.ts';
import { clusterStore } from './cluster/open-cluster.ts';
import { quote } from '../errors/quote.ts';
import type { Logger } from '../observe/log.ts';
import { openDirectoryStore } from '../store/directory-store.ts';
import type { OpenedStore } from '../store/opened-store.ts';
import { openPostgresStore } from '../store/postgres-store.ts';

/** The store of the config. Throws CONFIG_INVALID, STORE_UNAVAILABLE. */
export async function openStore(
  { store, dataDir }: Config,
  { logger, cluster }: { readonly logger: Logger; readonly cluster: Cluster | undefined },
): Promise<OpenedStore> {
  if (store.kind === 'postgres') return openPostgres(store, logger);
  if (cluster !== undefined) return clusterStore(cluster, { logger, random: Math.random });
  return openDirectoryStore({ dataDir, uniqueName: randomUUID, logger });
}

async function openPostgres(
  { server, caFile, maxConnections }: Extract<StoreSettings, { readonly kind: 'postgres' }>,
  logger: Logger,
): Promise<OpenedStore> {
  const ca = caFile === undefined ? {} : { ca: await readCa('store.caFile', caFile) };
  // every call has its own time limit
  const { signal } = new AbortController();
  return openPostgresStore({ server: { ...server, ...ca }, maxConnections, logger }, signal);
}

/** PEM of certificate authorities that the setting names. Throws CONFIG_INVALID. */
export async function readCa(setting: string, path: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    // tls itself takes any text, and would only say that the server is not trusted
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const why = String(cause).replace(/^Error: /, '');
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `cannot use ${setting} ${quote(path)}: ${why}; name a file of PEM certificates`,
      cause,
    });
  }
}

import type { StoreSettings } from './config.ts';
import { clusterAccess } from './cluster-settings.ts';
import { parsePostgresUrl } from './postgres-url.ts';
import type { ConfigPlace } from './to-config.ts';
import { contradiction, optionalFile, type Absolute, type ValueReader } from './value-reader.ts';

const DEFAULT_MAX_CONNECTIONS = 10;
const FOR_POSTGRES = ['store.url', 'store.caFile', 'store.maxConnections'];
const FOR_KUBERNETES = ['kubernetes.kubeconfigFile', 'kubernetes.namespace'];

/** `store.*`, and `kubernetes.*` where the records are resources. Throws CONFIG_INVALID. */
export function storeSettings(get: ValueReader, place: ConfigPlace): StoreSettings {
  const kind = get.oneOf('store.kind', ['directory', 'postgres', 'kubernetes']);
  if (kind !== 'postgres') refuse(get, FOR_POSTGRES, kind);
  if (kind !== 'kubernetes') refuse(get, FOR_KUBERNETES, kind);
  switch (kind) {
    case 'directory':
      return { kind };
    case 'postgres':
      return postgresSettings(get, place.absolute);
    case 'kubernetes': {
      const namespace = get.optional('kubernetes.namespace');
      return {
        kind,
        name: get.text('kubernetes.name'),
        access: clusterAccess(get, place),
        ...(namespace !== undefined && { namespace }),
      };
    }
  }
}

function postgresSettings(get: ValueReader, absolute: Absolute): StoreSettings {
  const kind = 'postgres';
  const url = get.optional('store.url');
  if (url === undefined) throw contradiction('store.url', `must be set for store.kind ${kind}`);
  return {
    kind,
    server: parsePostgresUrl(url, { hasCa: get.has('store.caFile') }),
    ...optionalFile(get, 'store.caFile', absolute, 'caFile'),
    maxConnections: get.count('store.maxConnections') ?? DEFAULT_MAX_CONNECTIONS,
  };
}

function refuse(get: ValueReader, paths: readonly string[], kind: string): void {
  for (const path of paths) {
    if (get.has(path)) throw contradiction(path, `is not for store.kind ${kind}`);
  }
}

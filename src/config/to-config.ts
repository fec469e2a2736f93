import { AppError } from '../errors/app-error.ts';
import { parsePolicy } from '../policy/parse-policy.ts';
import type { Config, LogSettings, StoreSettings } from './config.ts';
import { parsePostgresUrl } from './postgres-url.ts';
import type { SettingValues } from './raw-settings.ts';
import { variableOf } from './settings.ts';

export interface ConfigPlace {
  /** The file, for messages. */
  readonly source: string;
  readonly absolute: (path: string) => string;
}

/** Validated values -> Config: file names made absolute, contradictions refused with the names of both settings. */
export function toConfig(values: SettingValues, { source, absolute }: ConfigPlace): Config {
  const get = valueReader(values);
  const dataDir = absolute(get.text('dataDir'));
  const inDataDir = (path: string, name: string) => {
    const file = get.optional(path);
    return file === undefined ? `${dataDir}/${name}` : absolute(file);
  };
  return {
    scope: get.text('scope'),
    dataDir,
    privacy: get.oneOf('privacy', ['auto', 'plain', 'blinded']),
    blindingKeyFile: inDataDir('blindingKeyFile', 'blinding.key'),
    log: logSettings(get, absolute),
    signer: { kind: 'key', keyFile: inDataDir('signer.keyFile', 'signer.key') },
    store: storeSettings(get, absolute),
    registries: {
      allow: get.list('registries.allow'),
      plainHttp: get.list('registries.plainHttp'),
      ...optionalFile(get, 'registries.credentialsFile', absolute, 'credentialsFile'),
      ...optionalFile(get, 'registries.caFile', absolute, 'caFile'),
    },
    policy: policyAt(values.get('policies'), source),
    admission: {
      enabled: get.flag('admission.enabled'),
      listen: get.text('admission.listen'),
      tls: tlsSettings(get, absolute),
      workloads: get.oneOf('admission.workloads', ['warn', 'deny']),
    },
    proxy: {
      enabled: get.flag('proxy.enabled'),
      listen: get.text('proxy.listen'),
      denyCode: get.oneOf('proxy.denyCode', ['DENIED', 'TAG_INVALID']),
    },
    admin: { listen: get.text('admin.listen') },
    logLevel: get.oneOf('logLevel', ['error', 'warn', 'info', 'debug']),
  };
}

type Absolute = ConfigPlace['absolute'];
type Reader = ReturnType<typeof valueReader>;

function logSettings(get: Reader, absolute: Absolute): LogSettings {
  const kind = get.oneOf('log.kind', ['embedded', 'rekor-v2', 'rekor-v1']);
  if (kind === 'embedded') {
    for (const path of ['log.url', 'log.readUrl', 'log.trustedRootFile', 'log.publicKeyFile']) {
      if (get.optional(path) !== undefined) throw contradiction(path, 'is not for log.kind embedded');
    }
    return { kind };
  }
  const url = get.optional('log.url');
  if (url === undefined) throw contradiction('log.url', `must be set for log.kind ${kind}`);
  const byRoot = get.optional('log.trustedRootFile') !== undefined;
  const byKey = get.optional('log.publicKeyFile') !== undefined && get.optional('log.origin') !== undefined;
  if (byRoot === byKey) {
    throw contradiction(
      'log.trustedRootFile',
      'or log.publicKeyFile with log.origin must say which log to trust',
    );
  }
  const readUrl = get.optional('log.readUrl');
  const origin = get.optional('log.origin');
  return {
    kind,
    url,
    ...(readUrl !== undefined && { readUrl }),
    ...(origin !== undefined && { origin }),
    ...optionalFile(get, 'log.publicKeyFile', absolute, 'publicKeyFile'),
    ...optionalFile(get, 'log.trustedRootFile', absolute, 'trustedRootFile'),
  };
}

const DEFAULT_MAX_CONNECTIONS = 10;

function storeSettings(get: Reader, absolute: Absolute): StoreSettings {
  const kind = get.oneOf('store.kind', ['directory', 'postgres']);
  if (kind === 'directory') {
    for (const path of ['store.url', 'store.caFile', 'store.maxConnections']) {
      if (get.has(path)) throw contradiction(path, 'is not for store.kind directory');
    }
    return { kind };
  }
  const url = get.optional('store.url');
  if (url === undefined) throw contradiction('store.url', `must be set for store.kind ${kind}`);
  return {
    kind,
    server: parsePostgresUrl(url, { hasCa: get.has('store.caFile') }),
    ...optionalFile(get, 'store.caFile', absolute, 'caFile'),
    maxConnections: get.count('store.maxConnections') ?? DEFAULT_MAX_CONNECTIONS,
  };
}

function tlsSettings(get: Reader, absolute: Absolute): Config['admission']['tls'] {
  const mode = get.oneOf('admission.tls.mode', ['self', 'files']);
  if (mode === 'self') return { mode };
  const certFile = get.optional('admission.tls.certFile');
  const keyFile = get.optional('admission.tls.keyFile');
  if (certFile === undefined)
    throw contradiction('admission.tls.certFile', 'must be set for admission.tls.mode files');
  if (keyFile === undefined)
    throw contradiction('admission.tls.keyFile', 'must be set for admission.tls.mode files');
  return { mode, certFile: absolute(certFile), keyFile: absolute(keyFile) };
}

function optionalFile<Name extends string>(
  get: Reader,
  path: string,
  absolute: Absolute,
  name: Name,
): Partial<Record<Name, string>> {
  const file = get.optional(path);
  if (file === undefined) return {};
  const named: Partial<Record<string, string>> = { [name]: absolute(file) };
  return named;
}

function policyAt(value: unknown, source: string): Config['policy'] {
  try {
    return parsePolicy(value);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError({ code: error.code, message: `${source}: ${error.message}`, cause: error });
  }
}

/** Typed access to values that their schemas have validated. */
function valueReader(values: SettingValues) {
  function text(path: string): string {
    const value = values.get(path);
    if (typeof value !== 'string') throw contradiction(path, 'must be set');
    return value;
  }
  return {
    text,
    optional: (path: string): string | undefined => (values.has(path) ? text(path) : undefined),
    has: (path: string): boolean => values.has(path),
    flag: (path: string): boolean => values.get(path) === true,
    count(path: string): number | undefined {
      const value = values.get(path);
      return typeof value === 'number' ? value : undefined;
    },
    list(path: string): readonly string[] {
      const value = values.get(path);
      return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
    },
    oneOf<const Value extends string>(path: string, allowed: readonly Value[]): Value {
      const value = text(path);
      const found = allowed.find((candidate) => candidate === value);
      if (found === undefined) throw contradiction(path, `must be one of ${allowed.join(', ')}`);
      return found;
    },
  };
}

function contradiction(path: string, why: string): AppError {
  return new AppError({ code: 'CONFIG_INVALID', message: `${path} (${variableOf(path)}) ${why}` });
}

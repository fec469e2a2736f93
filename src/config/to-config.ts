import { AppError } from '../errors/app-error.ts';
import { parsePolicy } from '../policy/parse-policy.ts';
import type { Config, TufSettings } from './config.ts';
import { ambientSettings } from './ambient-settings.ts';
import { controllerSettings, inCluster } from './cluster-settings.ts';
import { logSettings } from './log-settings.ts';
import { mirrorSettings } from './mirror-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import type { SettingValues } from './raw-settings.ts';
import { signerSettings } from './signer-settings.ts';
import { storeSettings } from './store-settings.ts';
import { tlsSettings } from './tls-settings.ts';
import { contradiction, optionalFile, valueReader, type Absolute, type ValueReader } from './value-reader.ts';

export interface ConfigPlace {
  /** The file, for messages. */
  readonly source: string;
  readonly absolute: Absolute;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Validated values -> Config: file names made absolute, contradictions refused with the names of both settings. */
export function toConfig(values: SettingValues, place: ConfigPlace): Config {
  const { source, absolute } = place;
  const get = valueReader(values);
  const dataDir = absolute(get.text('dataDir'));
  const inDataDir = (path: string, name: string) => {
    const file = get.optional(path);
    return file === undefined ? `${dataDir}/${name}` : absolute(file);
  };
  const log = logSettings(get, absolute);
  return {
    scope: get.text('scope'),
    dataDir,
    privacy: get.oneOf('privacy', ['auto', 'plain', 'blinded']),
    blindingKeyFile: inDataDir('blindingKeyFile', 'blinding.key'),
    log,
    tuf: tufSettings(get, absolute),
    signer: signerSettings(get, { ...place, log, keyFile: inDataDir('signer.keyFile', 'signer.key') }),
    store: storeSettings(get, place),
    registries: {
      allow: get.list('registries.allow'),
      plainHttp: get.list('registries.plainHttp'),
      mirrors: mirrorSettings(get),
      ...optionalFile(get, 'registries.credentialsFile', absolute, 'credentialsFile'),
      ambient: ambientSettings(get, place),
      ...optionalFile(get, 'registries.caFile', absolute, 'caFile'),
    },
    policy: policyAt(values.get('policies'), source),
    admission: {
      enabled: get.flag('admission.enabled'),
      listen: get.text('admission.listen'),
      tls: tlsSettings(get, absolute, 'admission'),
      serviceName: get.optional('admission.serviceName') ?? `${get.text('kubernetes.name')}-webhook`,
      pullSecrets: inCluster(get, 'admission.pullSecrets'),
      workloads: get.oneOf('admission.workloads', ['warn', 'deny']),
      loopDetector: get.oneOf('admission.loopDetector', ['warn', 'none']),
    },
    proxy: proxySettings(get, absolute),
    controller: controllerSettings(get),
    admin: { listen: get.text('admin.listen') },
    logLevel: get.oneOf('logLevel', ['error', 'warn', 'info', 'debug']),
  };
}

function tufSettings(get: ValueReader, absolute: Absolute): TufSettings {
  const url = get.optional('trust.tufUrl');
  if ((url === undefined) === get.has('trust.tufRootFile')) {
    throw contradiction('trust.tufUrl', 'and trust.tufRootFile belong together');
  }
  return {
    ...(url !== undefined && { url }),
    ...optionalFile(get, 'trust.tufRootFile', absolute, 'rootFile'),
  };
}

function policyAt(value: unknown, source: string): Config['policy'] {
  try {
    return parsePolicy(value);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError({ code: error.code, message: `${source}: ${error.message}`, cause: error });
  }
}

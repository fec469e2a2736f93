import type { Config } from './config.ts';
import { canonical } from './canonical-registry.ts';
import { tlsSettings } from './tls-settings.ts';
import { contradiction, optionalFile, type Absolute, type ValueReader } from './value-reader.ts';

/** `proxy.*`. Throws CONFIG_INVALID. */
export function proxySettings(get: ValueReader, absolute: Absolute): Config['proxy'] {
  const tls = tlsSettings(get, absolute, 'proxy');
  if (tls === undefined && get.has('proxy.clients.caFile')) {
    throw contradiction('proxy.clients.caFile', 'needs proxy.tls.mode self, files or cluster');
  }
  return {
    enabled: get.flag('proxy.enabled'),
    listen: get.text('proxy.listen'),
    ...(tls && { tls: { ...tls, names: get.list('proxy.tls.names') } }),
    clients: {
      ...optionalFile(get, 'proxy.clients.htpasswdFile', absolute, 'htpasswdFile'),
      ...optionalFile(get, 'proxy.clients.caFile', absolute, 'caFile'),
    },
    ...clientCredentials(get),
    trustedHops: number(get, 'proxy.trustedHops'),
    limits: {
      requestsPerMinute: number(get, 'proxy.limits.requestsPerMinute'),
      tagsPerMinute: number(get, 'proxy.limits.tagsPerMinute'),
      newTagsPerMinute: number(get, 'proxy.limits.newTagsPerMinute'),
      streams: number(get, 'proxy.limits.streams'),
    },
    virtualHosts: virtualHosts(get),
    verifyBlobs: get.flag('proxy.verifyBlobs'),
    denyCode: get.oneOf('proxy.denyCode', ['DENIED', 'TAG_INVALID']),
  };
}

function clientCredentials(get: ValueReader): Pick<Config['proxy'], 'clientCredentials'> {
  const path = 'proxy.credentials';
  const registries = get
    .mapping(path)
    .flatMap(([registry, whose]) => (whose === 'client' ? [canonical(path, registry)] : []));
  if (registries.length === 0) return {};
  const publicUrl = URL.parse(get.optional('proxy.publicUrl') ?? '');
  if (publicUrl === null) throw contradiction(path, 'needs proxy.publicUrl');
  if (get.has('proxy.clients.htpasswdFile')) {
    // one Authorization header cannot hold both
    throw contradiction(path, 'does not go together with proxy.clients.htpasswdFile');
  }
  return { clientCredentials: { registries: new Set(registries), publicUrl } };
}

/** A number that has a default. */
function number(get: ValueReader, path: string): number {
  const value = get.count(path);
  if (value === undefined) throw contradiction(path, 'must be set');
  return value;
}

function virtualHosts(get: ValueReader): ReadonlyMap<string, string> {
  const entries = get
    .mapping('proxy.virtualHosts')
    .map(([host, registry]): readonly [string, string] => [
      host.toLowerCase(),
      canonical('proxy.virtualHosts', registry),
    ]);
  return new Map(entries);
}

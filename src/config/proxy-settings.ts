import { AppError } from '../errors/app-error.ts';
import { parseRegistry } from '../reference/parse-reference.ts';
import type { Config } from './config.ts';
import { contradiction, type ValueReader } from './value-reader.ts';

/** `proxy.*`. Throws CONFIG_INVALID. */
export function proxySettings(get: ValueReader): Config['proxy'] {
  return {
    enabled: get.flag('proxy.enabled'),
    listen: get.text('proxy.listen'),
    virtualHosts: virtualHosts(get),
    denyCode: get.oneOf('proxy.denyCode', ['DENIED', 'TAG_INVALID']),
  };
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

/** The registry as it is called everywhere else. */
function canonical(path: string, registry: string): string {
  try {
    return parseRegistry(registry);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw contradiction(path, `names no registry: ${error.message}`);
  }
}

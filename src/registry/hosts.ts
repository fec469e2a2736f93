import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { PUBLIC_REGISTRIES } from '../reference/public-registries.ts';

/** Docker Hub's API does not live under the name that everybody writes. */
const DIALLED: ReadonlyMap<string, string> = new Map([['docker.io', 'registry-1.docker.io']]);

/** Which hosts the configuration names, each as `host` or `host:port`, and how they are spoken to. */
export interface Hosts {
  /** The URL under which a registry is reached, without a path. Throws REFERENCE_INVALID. */
  originOf(registry: string): URL;
  /**
   * Whether the configuration names the URL's host: then private addresses are meant. Not so for a well-known public
   * registry, which is listed so that it may be used; whatever its name resolves to then must be public.
   */
  isNamed(url: URL): boolean;
  /** Whether a URL may be called as far as its scheme goes: https, or http to a `plainHttp` host. */
  mayCall(url: URL): boolean;
}

export function makeHosts(options: {
  readonly named: ReadonlySet<string>;
  readonly plainHttp: ReadonlySet<string>;
}): Hosts {
  const plainHttp = new Set([...options.plainHttp].map(authority));
  const named = new Set([...options.named].map(authority).filter((host) => !PUBLIC_REGISTRIES.has(host)));
  return {
    originOf(registry) {
      const scheme = plainHttp.has(authority(registry)) ? 'http' : 'https';
      const text = `${scheme}://${DIALLED.get(registry) ?? registry}/`;
      const url = URL.parse(text);
      if (url !== null && url.pathname === '/' && url.username === '') return url;
      throw new AppError({
        code: 'REFERENCE_INVALID',
        message: `cannot ask registry ${quote(registry)}: it is not a host name; check the image's first part`,
      });
    },
    isNamed: (url) => named.has(authority(url.host)) || plainHttp.has(authority(url.host)),
    mayCall: (url) =>
      url.protocol === 'https:' || (url.protocol === 'http:' && plainHttp.has(authority(url.host))),
  };
}

/** `host[:port]` without the default port of either scheme, for comparisons. */
function authority(text: string): string {
  return text.toLowerCase().replace(/:(?:80|443)$/, '');
}

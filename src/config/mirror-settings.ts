import { canonical } from './canonical-registry.ts';
import type { Config } from './config.ts';
import { contradiction, type ValueReader } from './value-reader.ts';

type Mirrors = Config['registries']['mirrors'];

const PATH = 'registries.mirrors';
const PREFIX = /^\/(?:[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\/|$))*$/;

/** `registries.mirrors`. Throws CONFIG_INVALID. */
export function mirrorSettings(get: ValueReader): Mirrors {
  const plainHttp = new Set(get.list('registries.plainHttp'));
  const value = get.raw(PATH);
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return new Map(
    entries.map(([registry, addresses]) => [
      canonical(PATH, registry),
      texts(addresses).map((address) => mirror(address, plainHttp)),
    ]),
  );
}

function mirror(address: string, plainHttp: ReadonlySet<string>) {
  const url = URL.parse(address);
  if (url === null || url.username !== '' || !PREFIX.test(url.pathname)) {
    throw contradiction(PATH, `has ${address}, which is no "https://host[:port][/path]"`);
  }
  if ((url.protocol === 'http:') !== plainHttp.has(url.host)) {
    throw contradiction(PATH, `and registries.plainHttp must agree on how ${url.host} is spoken to`);
  }
  const path = url.pathname.replace(/^\/|\/$/g, '');
  return { registry: canonical(PATH, url.host), prefix: path === '' ? '' : `${path}/` };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

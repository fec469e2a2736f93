import { refuse } from './refuse.ts';

export const DOCKER_HUB = 'docker.io';

const DOCKER_HUB_NAMES: ReadonlySet<string> = new Set([
  DOCKER_HUB,
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
]);

const DEFAULT_PORT = '443';
const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const BRACKETED = /^\[[0-9a-f:]+\]$/;
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/;
/** A last label that makes a URL parser read the whole host as an IPv4 address (WHATWG URL, "ends in a number"). */
const NUMERIC_END = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;
const MAX_PORT = 65_535;

/** Whether the first component of an image text names a registry, and not a namespace of Docker Hub. */
export function looksLikeRegistry(component: string): boolean {
  return component === 'localhost' || /[.:[]/.test(component) || component !== component.toLowerCase();
}

/**
 * The canonical name of a registry: lower case, Docker Hub's names folded to `docker.io`, port 443 dropped, IPv6 in its
 * shortest form in brackets (distribution/reference "domain"). Throws REFERENCE_INVALID.
 */
export function parseRegistry(text: string): string {
  const [, typedHost = '', port] = HOST_AND_PORT.exec(text) ?? [];
  const host = canonicalHost(text, typedHost.toLowerCase());
  if (port !== undefined) checkPort(text, port);
  const isDefaultPort = port === undefined || port === DEFAULT_PORT;
  if (isDefaultPort && DOCKER_HUB_NAMES.has(host)) return DOCKER_HUB;
  if (isDefaultPort && looksLikeRegistry(host)) return host;
  // a host of one label keeps even its default port: without it the name would read as a Docker Hub namespace
  if (port !== undefined) return `${host}:${port}`;
  throw refuse(
    'registry',
    text,
    'it has neither a dot nor a port; write the full host name, or a Docker Hub name in lower case',
  );
}

function canonicalHost(text: string, host: string): string {
  if (host.startsWith('[')) return canonicalIpv6(text, host);
  if (!HOST.test(host)) {
    throw refuse(
      'registry',
      text,
      'a host is made of letters, digits and inner hyphens between single dots; write a host like "ghcr.io"',
    );
  }
  if (NUMERIC_END.test(host) && hostOfUrl(host) !== host) {
    throw refuse(
      'registry',
      text,
      'it is an IPv4 address in a form with more than one reading; write four decimals',
    );
  }
  return host;
}

function canonicalIpv6(text: string, host: string): string {
  const address = BRACKETED.test(host) ? hostOfUrl(host) : undefined;
  if (address === undefined) {
    throw refuse(
      'registry',
      text,
      'what stands in brackets is no IPv6 address; write it like "[2001:db8::1]"',
    );
  }
  return address;
}

function hostOfUrl(host: string): string | undefined {
  return URL.parse(`https://${host}/`)?.hostname;
}

function checkPort(text: string, port: string): void {
  if (/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= MAX_PORT) return;
  throw refuse('registry', text, `its port is no number from 1 to ${MAX_PORT}; write a port like "5000"`);
}

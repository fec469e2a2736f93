import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { PUBLIC_REGISTRIES } from '../reference/public-registries.ts';
import type { Hosts } from './hosts.ts';

/** Token services that live under another domain than their registry. */
const PAIRS: ReadonlyMap<string, string> = new Map([['docker.io', 'auth.docker.io']]);

const PUBLIC_SERVICES: ReadonlySet<string> = new Set([...PUBLIC_REGISTRIES, ...PAIRS.values()]);

/** Domains below which strangers can get names, beside the pattern of `co.uk`. */
const SHARED_DOMAINS: ReadonlySet<string> = new Set([
  'amazonaws.com',
  'azurecr.io',
  'azurewebsites.net',
  'cloudapp.net',
  'fly.dev',
  'github.io',
  'gitlab.io',
  'herokuapp.com',
  'nip.io',
  'on.aws',
  'pkg.dev',
  'run.app',
  'sslip.io',
  'vercel.app',
]);
const COUNTRY_SUFFIX = /^(?:ac|co|com|edu|gob|gov|net|ne|nom|or|org)\.[a-z]{2}$/;

const MAX_REALM = 2048;

/** A realm that may be asked; with credentials only if it belongs to the registry. */
export interface Realm {
  readonly url: URL;
  readonly credentials: boolean;
}

/**
 * Judges the `realm` of a Bearer challenge. It must be https (or a `plainHttp` host), without user information, on the
 * registry's own host, its domain, or a known partner. A public registry is asked as well, and a host that the configuration
 * names beside the registry, but never shown a credential of another registry. Throws REGISTRY_ANSWER_INVALID. (CVE-2020-15157, CVE-2026-33540.)
 */
export function judgeRealm(text: string, registry: string, hosts: Hosts): Realm {
  const url = parseRealm(text);
  if (url === undefined || !hosts.mayCall(url)) {
    throw refused(registry, text, 'it is no https URL without a user name');
  }
  const own = hosts.originOf(registry);
  if (belongs(url, registry, own)) return { url, credentials: true };
  // a stranger may send us to a public token service, and not to a host inside that somebody else is to use
  const isMeant = hosts.isNamed(url) && hosts.isNamed(own);
  if (isMeant || PUBLIC_SERVICES.has(url.host)) return { url, credentials: false };
  throw refused(
    registry,
    text,
    'it lies outside the registry; name both hosts in registries.allow if it is meant',
  );
}

function parseRealm(text: string): URL | undefined {
  const url = text.length > MAX_REALM ? null : URL.parse(text);
  return url === null || url.username !== '' || url.password !== '' ? undefined : url;
}

function belongs(realm: URL, registry: string, own: URL): boolean {
  return (
    realm.hostname === own.hostname ||
    realm.host === PAIRS.get(registry) ||
    sameSite(realm.hostname, own.hostname)
  );
}

/** Whether both hosts lie in one registrable domain, as far as that can be told without the public suffix list. */
function sameSite(one: string, other: string): boolean {
  const site = siteOf(one);
  return site !== undefined && site === siteOf(other);
}

function siteOf(hostname: string): string | undefined {
  const labels = hostname.split('.');
  // an address or a single label has no site
  if (labels.length < 2 || /^[0-9]*$/.test(labels.at(-1) ?? '') || hostname.startsWith('[')) return undefined;
  const site = labels.slice(-2).join('.');
  if (!SHARED_DOMAINS.has(site) && !COUNTRY_SUFFIX.test(site)) return site;
  return labels.length < 3 ? undefined : labels.slice(-3).join('.');
}

function refused(registry: string, realm: string, why: string): AppError {
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `cannot log in to ${quote(registry)}: it names the token service ${quote(realm)}: ${why}`,
  });
}

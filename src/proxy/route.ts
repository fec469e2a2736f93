import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Digest } from '../reference/digest.ts';
import { isDigest } from '../reference/parse-digest.ts';
import { parseReference, parseRegistry } from '../reference/parse-reference.ts';
import type { OciCode } from './oci-error.ts';
import type { UpstreamRepository } from './upstream-port.ts';

export type Route =
  | { readonly kind: 'ping' }
  /** Where clients log in. */
  | { readonly kind: 'token' }
  | {
      readonly kind: 'manifest-tag';
      readonly registry: string;
      readonly repository: string;
      readonly tag: string;
    }
  | {
      readonly kind: 'manifest-digest' | 'blob';
      readonly registry: string;
      readonly repository: string;
      readonly digest: Digest;
    }
  | {
      readonly kind: 'referrers';
      readonly registry: string;
      readonly repository: string;
      readonly digest: Digest;
    }
  | {
      readonly kind: 'tags';
      readonly registry: string;
      readonly repository: string;
      /** The repository as the client calls it. */
      readonly name: string;
    }
  | { readonly kind: 'unknown' }
  /** The path breaks the grammar: 400. */
  | { readonly kind: 'invalid'; readonly code: OciCode; readonly message: string };

export interface ParsedUrl {
  readonly route: Route;
  /** The reason that a redirected HEAD carries: answer the refusal itself. */
  readonly hasReason: boolean;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The one registry of a virtual host. */
  readonly registryOfHost?: string;
  /** The repository as the client calls it, and the registry that it then means where the name does not say so. */
  readonly asked?: { readonly name: string; readonly registry?: string };
}

const MAX_URL_LENGTH = 2048;
/** OCI distribution-spec, "Pulling manifests": name, then manifests, blobs, tags or referrers, then what of it. */
const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const RESOURCE = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/;
const REPOSITORY = new RegExp(`^${NAME}(?:/${NAME})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** `host_5000`: a port in path form, where a colon is not allowed. */
const HOST_WITH_PORT = /^([a-z0-9.-]+)_([1-9][0-9]{0,4})$/;

/**
 * Reads the raw URL of a request: strict grammar on the raw path, nothing decoded but `%3A` in a digest. Never throws. Path
 * form `/v2/<host>/<name>/…`, Docker Hub's short names without a host, and the mirror form `?ns=<host>`. With a registry
 * of its own, as a virtual host has one, a path holds the name alone.
 */
export function parseUrl(url: string, registry?: string): ParsedUrl {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1, MAX_URL_LENGTH));
  const route =
    url.length > MAX_URL_LENGTH
      ? invalid('NAME_INVALID', `the URL is longer than ${MAX_URL_LENGTH} characters`)
      : parsePath(path, query.getAll('ns'), registry);
  const asked =
    'registry' in route ? nameAsked(path, route.registry, registry ?? query.get('ns')) : undefined;
  return {
    route,
    hasReason: query.has('reason'),
    path,
    query,
    ...(registry !== undefined && { registryOfHost: registry }),
    ...(asked && { asked }),
  };
}

function nameAsked(path: string, registry: string, elsewhere: string | null) {
  const name = RESOURCE.exec(path)?.[1];
  return name === undefined ? undefined : { name, ...(elsewhere !== null && { registry }) };
}

/** The repository that a name means, of a registry of its own or with the registry in it; undefined against the grammar. */
export function parseName(name: string, registry?: string): UpstreamRepository | undefined {
  if (!REPOSITORY.test(name)) return undefined;
  try {
    const chosen = registry === undefined ? fromPath(name) : `${parseRegistry(registry)}/${name}`;
    const reference = parseReference(chosen);
    return { registry: reference.registry, repository: reference.repository };
  } catch (error) {
    if (error instanceof AppError && error.code === 'REFERENCE_INVALID') return undefined;
    throw error;
  }
}

function parsePath(path: string, namespaces: readonly string[], registry: string | undefined): Route {
  if (path === '/v2/' || path === '/v2') return { kind: 'ping' };
  if (path === '/token') return { kind: 'token' };
  const [, name, resource, item] = RESOURCE.exec(path) ?? [];
  if (name === undefined || resource === undefined || item === undefined) return { kind: 'unknown' };
  if (!REPOSITORY.test(name)) {
    return invalid(
      'NAME_INVALID',
      `the name ${quote(name)} is not lower-case components between single slashes; write a port as "host_5000"`,
    );
  }
  if (namespaces.length > 1) return invalid('NAME_INVALID', 'the query holds more than one ns');
  return readName({ name, namespace: namespaces[0], registry }, (repository) =>
    parseResource(repository, resource, item),
  );
}

interface Named {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly registry: string | undefined;
}

/** Finds the registry of a name; one that breaks its grammar makes the route invalid. */
function readName(named: Named, then: (repository: NamedRepository) => Route): Route {
  let reference: UpstreamRepository;
  try {
    reference = parseReference(withRegistry(named));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'REFERENCE_INVALID') throw error;
    return invalid('NAME_INVALID', error.message);
  }
  return then({ registry: reference.registry, repository: reference.repository, name: named.name });
}

/** The name with the host in front: of the virtual host, of `?ns=`, else of the first component, else Docker Hub. */
function withRegistry({ name, namespace, registry }: Named): string {
  const given = namespace === undefined ? undefined : parseRegistry(namespace);
  if (registry !== undefined && given !== undefined && given !== registry) {
    throw new AppError({
      code: 'REFERENCE_INVALID',
      message: `ns is ${quote(given)}, and this host serves ${quote(registry)} alone`,
    });
  }
  const chosen = registry ?? given;
  return chosen === undefined ? fromPath(name) : `${chosen}/${name}`;
}

function fromPath(name: string): string {
  const slash = name.indexOf('/');
  const first = slash === -1 ? name : name.slice(0, slash);
  const [, host, port] = HOST_WITH_PORT.exec(first) ?? [];
  const isHost = host !== undefined || first.includes('.') || first === 'localhost';
  if (!isHost) return `docker.io/${name}`;
  if (slash === -1) {
    throw new AppError({
      code: 'REFERENCE_INVALID',
      message: `${quote(name)} is a host without a repository; write host and name`,
    });
  }
  return host === undefined ? name : `${host}:${port ?? ''}${name.slice(slash)}`;
}

interface NamedRepository extends UpstreamRepository {
  readonly name: string;
}

function parseResource({ name, ...repository }: NamedRepository, resource: string, item: string): Route {
  if (resource === 'tags')
    return item === 'list' ? { kind: 'tags', ...repository, name } : { kind: 'unknown' };
  const digest = item.replace(/%3A/i, ':');
  if (isDigest(digest)) return { kind: digestKind(resource), ...repository, digest };
  if (resource === 'manifests' && TAG.test(item)) return { kind: 'manifest-tag', ...repository, tag: item };
  return resource === 'manifests' && !digest.includes(':')
    ? invalid('MANIFEST_INVALID', `${quote(item)} is not a tag; write letters, digits, "_", "." and "-"`)
    : invalid('DIGEST_INVALID', `${quote(item)} is not a digest; write "sha256:" and 64 hex digits`);
}

function digestKind(resource: string): 'manifest-digest' | 'blob' | 'referrers' {
  if (resource === 'manifests') return 'manifest-digest';
  return resource === 'blobs' ? 'blob' : 'referrers';
}

function invalid(code: OciCode, message: string): Route {
  return { kind: 'invalid', code, message };
}

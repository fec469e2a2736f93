import { z } from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Credential } from './credential.ts';

/** The parts of a docker `config.json` that say how to log in. */
export interface DockerConfig {
  /** By `host[:port][/path]`; entries without a secret are left out. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** Names of helper programs by `host[:port]`. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper for every registry that has neither. */
  readonly store: string | undefined;
}

const HUB_KEYS: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io', 'docker.io']);
const HELPER_NAME = /^[A-Za-z0-9_-]{1,64}$/;

const text = z.optional(z.string());
/** One entry of `auths`. */
export const entrySchema = z.object({ auth: text, username: text, password: text, identitytoken: text });
const fileSchema = z.object({
  auths: z.optional(z.record(z.string(), entrySchema)),
  credHelpers: z.optional(z.record(z.string(), z.string())),
  credsStore: text,
});

type Entry = z.infer<typeof entrySchema>;

/** Reads the text of a docker `config.json`; `path` is for messages. Throws CREDENTIALS_INVALID. */
export function parseDockerConfig(content: string, path: string): DockerConfig {
  const parsed = fileSchema.safeParse(parseJson(content, path));
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
    throw invalid(path, `${quote(where)} is not what docker login writes`);
  }
  const { auths = {}, credHelpers = {}, credsStore } = parsed.data;
  const credentials = new Map<string, Credential>();
  for (const [key, entry] of Object.entries(auths)) {
    const credential = credentialOf(key, entry, path);
    if (credential !== undefined) credentials.set(canonicalKey(key), credential);
  }
  const helpers = new Map(
    Object.entries(credHelpers).map(([key, name]) => [canonicalKey(key), helperName(name, path)]),
  );
  const store = credsStore === undefined || credsStore === '' ? undefined : helperName(credsStore, path);
  return { credentials, helpers, store };
}

/** The entry with the longest key that is the image's `registry/repository` or a whole-segment prefix of it. */
export function credentialFor(
  config: DockerConfig,
  registry: string,
  repository: string,
): Credential | undefined {
  const segments = `${registry}/${repository}`.split('/');
  for (let length = segments.length; length > 0; length -= 1) {
    const found = config.credentials.get(segments.slice(0, length).join('/'));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `https://HOST/v1/` and the names of Docker Hub become what references use. */
export function canonicalKey(key: string): string {
  const bare = key
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .replace(/^([^/]+)\/v[12]$/, '$1')
    .replace(/^([^/]+):443(?=\/|$)/, '$1');
  const [host = '', ...path] = bare.split('/');
  return [HUB_KEYS.has(host) ? 'docker.io' : host, ...path].join('/');
}

/** Undefined for an entry without a secret. `path` is for messages. Throws CREDENTIALS_INVALID. */
export function credentialOf(key: string, entry: Entry, path: string): Credential | undefined {
  const source = `the credentials for ${quote(key)} in ${quote(path)}`;
  if (entry.identitytoken) return { kind: 'identityToken', token: entry.identitytoken, source };
  if (entry.auth) return { kind: 'basic', ...decodeAuth(entry.auth, key, path), source };
  if (!entry.username || !entry.password) return undefined;
  return { kind: 'basic', username: entry.username, password: entry.password, source };
}

function decodeAuth(auth: string, key: string, path: string): { username: string; password: string } {
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon > 0) return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  throw invalid(path, `"auth" of ${quote(key)} is not "user:password" in base64`);
}

function helperName(name: string, path: string): string {
  if (HELPER_NAME.test(name)) return name;
  throw invalid(path, `${quote(name)} cannot be the name of a credential helper`);
}

function parseJson(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // no cause: the parser's message quotes the file, and with it perhaps a secret
    throw invalid(path, 'it is not JSON');
  }
}

function invalid(path: string, why: string): AppError {
  return new AppError({
    code: 'CREDENTIALS_INVALID',
    message: `cannot use credentials file ${quote(path)}: ${why}; write it with "docker login"`,
  });
}

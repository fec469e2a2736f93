import { readFile, stat } from 'node:fs/promises';
import { makeSingleFlight } from '../cache/single-flight.ts';
import { makeTtlCache } from '../cache/ttl-cache.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import type { AskHelper } from './credential-helper.ts';
import { ANONYMOUS } from './credential.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { errorCode } from './error-code.ts';
import { credentialFor, parseDockerConfig } from './docker-config.ts';
import type { DockerConfig } from './docker-config.ts';

const MAX_FILE_BYTES = 1024 * 1024;
/** Helpers start a process and may call a cloud; what they give lives for hours. Milliseconds. */
const HELPER_TTL = 5 * 60_000;
const MAX_HELPED_SERVERS = 256;
/** The key under which docker keeps Docker Hub. */
const HUB_SERVER = 'https://index.docker.io/v1/';

export interface CredentialsOptions {
  /** A docker `config.json`, read again whenever it changes. Absent: always anonymous. */
  readonly file?: { readonly path: string; /** False for the default path. */ readonly required: boolean };
  readonly askHelper: AskHelper;
  readonly clock: Clock;
}

const LOOK_TTL_MS = 1_000;

/** Credentials as docker finds them: a helper for the registry, then the file's entry, then the general helper. */
export function makeCredentials(options: CredentialsOptions): CredentialSource {
  const { file, askHelper, clock } = options;
  const flights = makeSingleFlight<Credential>();
  const helped = makeTtlCache<Credential>({ max: MAX_HELPED_SERVERS, now: () => clock.now() });
  let loaded: { readonly version: string; readonly config: DockerConfig } | undefined;
  let looked: { readonly at: number; readonly config: DockerConfig | undefined } | undefined;

  /** A look at the file serves for a second: every call to a registry asks. */
  async function current(path: string, required: boolean): Promise<DockerConfig | undefined> {
    const now = clock.now();
    if (looked !== undefined && now >= looked.at && now - looked.at < LOOK_TTL_MS) return looked.config;
    const config = await load(path, required);
    looked = { at: now, config };
    return config;
  }

  async function load(path: string, required: boolean): Promise<DockerConfig | undefined> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (loaded?.version === version) return loaded.config;
      if (size > MAX_FILE_BYTES) throw unreadable(path, `it exceeds ${MAX_FILE_BYTES} bytes`);
      const config = parseDockerConfig(await readFile(path, 'utf8'), path);
      loaded = { version, config };
      return config;
    } catch (error) {
      if (error instanceof AppError) throw error;
      const code = errorCode(error) ?? 'unknown';
      if (code === 'ENOENT' && !required) return undefined;
      throw unreadable(path, `it cannot be read (${code})`, error);
    }
  }

  async function help(name: string, registry: string, signal: AbortSignal): Promise<Credential> {
    const server = registry === 'docker.io' ? HUB_SERVER : registry;
    const key = `${name} ${server}`;
    const known = helped.get(key);
    if (known !== undefined) return known;
    return await flights.run(
      key,
      async (shared) => {
        const credential = await askHelper(name, server, shared);
        helped.set(key, credential, HELPER_TTL);
        return credential;
      },
      signal,
    );
  }

  return {
    async find(registry, repository, signal) {
      const config = file === undefined ? undefined : await current(file.path, file.required);
      if (config === undefined) return ANONYMOUS;
      const helper = config.helpers.get(registry);
      if (helper !== undefined) return await help(helper, registry, signal);
      const entry = credentialFor(config, registry, repository);
      if (entry !== undefined) return entry;
      return config.store === undefined ? ANONYMOUS : await help(config.store, registry, signal);
    },
  };
}

function unreadable(path: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'CREDENTIALS_INVALID',
    message: `cannot use credentials file ${quote(path)}: ${why}; check the path in registries.credentialsFile and its permissions`,
    cause,
  });
}

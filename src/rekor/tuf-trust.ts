import { readFile, rename, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_MIRROR_URL, initTUF } from '@sigstore/tuf';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { systemCode } from './system-code.ts';

/** For one exchange, and for all of a fetch. */
const EXCHANGE_MS = 10_000;
const FETCH_MS = 40_000;
const MAX_TARGET_BYTES = 1_048_576;

export interface TufTrustOptions {
  /** Mirror of a TUF repository; absent: the public-good one. */
  readonly url?: string;
  /** Its first root.json; needed for a mirror that is not the public-good one. */
  readonly rootFile?: string;
  /** Keeps metadata and the last targets that were verified. */
  readonly cacheFolder: string;
  /** Told after each fetch: whether what is trusted could not be renewed, and why. */
  readonly onStale: (stale: boolean, why?: string) => void;
}

/** What a TUF repository delivers. Throws TRUST_ROOT_UNAVAILABLE where nothing was ever fetched, TRUST_ROOT_INVALID. */
export interface TufTrust {
  /** For messages. */
  readonly source: string;
  /** Sigstore `trusted_root.json`. */
  trustedRoot(): Promise<Uint8Array>;
  /** A signing config, by the name of its target. */
  target(name: string): Promise<Uint8Array>;
}

/**
 * Targets by TUF. What was verified once is used as long as nothing newer can be had: an expired root is an alarm
 * (`onStale`), and never an outage.
 */
export function makeTufTrust({
  url = DEFAULT_MIRROR_URL,
  rootFile,
  cacheFolder,
  onStale,
}: TufTrustOptions): TufTrust {
  const source = `trusted_root.json of ${url}`;

  async function fetchTarget(name: string): Promise<Uint8Array> {
    const client = await initTUF({
      mirrorURL: url,
      cachePath: cacheFolder,
      timeout: EXCHANGE_MS,
      retry: { retries: 1 },
      ...(rootFile !== undefined && { rootPath: rootFile }),
    });
    const bytes = Buffer.from(await client.getTarget(name), 'utf8');
    if (bytes.length > MAX_TARGET_BYTES) throw new RangeError(`it is longer than ${MAX_TARGET_BYTES} bytes`);
    return bytes;
  }

  async function target(name: string): Promise<Uint8Array> {
    const kept = join(cacheFolder, `verified-${name}`);
    try {
      const bytes = await withinTime(fetchTarget(name));
      await keep(kept, bytes);
      onStale(false);
      return bytes;
    } catch (cause) {
      const why = reasonOf(cause);
      const last = await lastVerified(kept);
      if (last === undefined) throw unavailable({ name, url, why, cause });
      onStale(true, why);
      return last;
    }
  }

  async function keep(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(cacheFolder, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
  }

  return { source, trustedRoot: () => target('trusted_root.json'), target };
}

async function lastVerified(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The library limits one exchange, and not how many there are. */
async function withinTime<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${FETCH_MS / 1_000} s`)), FETCH_MS);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : 'it cannot be fetched';
}

interface Missing {
  readonly name: string;
  readonly url: string;
  readonly why: string;
  readonly cause: unknown;
}

function unavailable({ name, url, why, cause }: Missing): AppError {
  return new AppError({
    code: 'TRUST_ROOT_UNAVAILABLE',
    message: `cannot fetch ${quote(name)} from ${quote(url)}: ${why}; see that the mirror can be reached, or set log.trustedRootFile`,
    cause,
  });
}

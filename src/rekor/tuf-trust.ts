import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEFAULT_MIRROR_URL } from '@sigstore/tuf';
import pLimit from 'p-limit';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { systemCode } from '../errors/system-code.ts';
import {
  fetchTarget,
  readCachedTarget,
  readLastVerified,
  type FetchLimits,
  type TufPlace,
} from './tuf-client.ts';

const LIMITS: FetchLimits = { exchangeMs: 10_000, retries: 1, totalMs: 40_000, maxBytes: 1_048_576 };

export interface TufTrustOptions {
  /** Mirror of a TUF repository; absent: the public-good one. */
  readonly url?: string;
  /** Its first root.json; needed for a mirror that is not the public-good one. */
  readonly rootFile?: string;
  /** Keeps metadata and the last targets that were verified; may be shared by processes. */
  readonly cacheFolder: string;
  /**
   * Told after each fetch. `stale`: what is used has expired and could not be renewed, or the mirror's answer was bad
   * (other keys, an older version, no repository). `why` alone: it is still valid and the mirror cannot be reached, or it
   * was renewed and cannot be kept.
   */
  readonly onStale: (stale: boolean, why?: string) => void;
  readonly limits?: Partial<FetchLimits>;
}

/**
 * What a TUF repository delivers. Throws TRUST_ROOT_UNAVAILABLE where nothing was ever fetched, TRUST_ROOT_INVALID for a
 * root file that cannot be read and for what the repository does not have.
 */
export interface TufTrust {
  /** For messages. */
  readonly source: string;
  /** Sigstore `trusted_root.json`. Asks the mirror each time. */
  trustedRoot(): Promise<Uint8Array>;
  /** A signing config, by the name of its target. Asks the mirror each time. */
  target(name: string): Promise<Uint8Array>;
}

/**
 * Targets by TUF. What was verified once is used as long as nothing newer can be had: an expired root is an alarm
 * (`onStale`), and never an outage.
 */
export function makeTufTrust({ rootFile, cacheFolder, onStale, ...options }: TufTrustOptions): TufTrust {
  const url = (options.url ?? DEFAULT_MIRROR_URL).replace(/\/+$/, '');
  const limits = { ...LIMITS, ...options.limits };
  // the client's files are written by one at a time
  const inTurn = pLimit(1);

  async function target(name: string): Promise<Uint8Array> {
    const place = await placeOf(cacheFolder, url, rootFile);
    const fetched = await fetchTarget(place, name, limits);
    if (fetched.kind === 'missing') throw missing(name, url);
    if (fetched.kind === 'target') {
      onStale(false, fetched.unkept && unkept(fetched.unkept, cacheFolder));
      return fetched.bytes;
    }
    const { why, cause, bad } = fetched;
    const cached = await readCachedTarget(place, name, limits);
    const last = cached ?? (await readLastVerified(place, name));
    if (last === undefined) throw unavailable({ name, url, why, cause });
    onStale(bad || cached === undefined, why);
    return last;
  }

  const inOrder = (name: string) => inTurn(() => target(name));
  return {
    source: `trusted_root.json of ${url}`,
    trustedRoot: () => inOrder('trusted_root.json'),
    target: inOrder,
  };
}

/** One folder for each mirror and first root: what another one delivered must never be taken for this one's. */
async function placeOf(cacheFolder: string, url: string, rootFile: string | undefined): Promise<TufPlace> {
  const root = rootFile === undefined ? Buffer.alloc(0) : await readRootFile(rootFile);
  const name = createHash('sha256').update(`${url}\n`).update(root).digest('hex').slice(0, 32);
  const folder = join(cacheFolder, name);
  return { url, folder, ...(rootFile !== undefined && { rootFile }) };
}

async function readRootFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError({
      code: 'TRUST_ROOT_INVALID',
      message: `cannot trust by ${quote(file)}: ${systemCode(cause) ?? 'it cannot be read'}; name the first root.json of the TUF repository`,
      cause,
    });
  }
}

function unkept(why: string, folder: string): string {
  return `it was fetched and cannot be kept in ${quote(folder)}: ${why}`;
}

interface Failure {
  readonly name: string;
  readonly url: string;
  readonly why: string;
  readonly cause: unknown;
}

function unavailable({ name, url, why, cause }: Failure): AppError {
  return new AppError({
    code: 'TRUST_ROOT_UNAVAILABLE',
    message: `cannot fetch ${quote(name)} from ${quote(url)}: ${why}; see that the mirror can be reached and that trust.tufRootFile is its root, or set log.trustedRootFile`,
    cause,
  });
}

function missing(name: string, url: string): AppError {
  return new AppError({
    code: 'TRUST_ROOT_INVALID',
    message: `cannot fetch ${quote(name)} from ${quote(url)}: the repository has no such target; see that it is one of Sigstore`,
  });
}

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { initTUF } from '@sigstore/tuf';
import { quote } from '../errors/quote.ts';
import { systemCode } from './system-code.ts';

/** One TUF repository, and where the library keeps what it has of it. */
export interface TufPlace {
  readonly url: string;
  /** Of this repository and this first root alone. */
  readonly folder: string;
  readonly rootFile?: string;
}

export interface FetchLimits {
  /** For one exchange, with its body. */
  readonly exchangeMs: number;
  /** After an exchange that failed for want of an answer. */
  readonly retries: number;
  /** For all exchanges of a fetch. */
  readonly totalMs: number;
  /** Of a target. */
  readonly maxBytes: number;
}

export type Fetched =
  | { readonly kind: 'target'; readonly bytes: Uint8Array }
  /** The newest metadata, verified, has no such target. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string; readonly cause: unknown };

const NO_SUCH_TARGET = 'TUF_FIND_TARGET_ERROR';
const MAX_CAUSES = 5;

/** The target, after a look for newer metadata; every failure is a value. */
export async function fetchTarget(place: TufPlace, name: string, limits: FetchLimits): Promise<Fetched> {
  try {
    await dropBroken(place.folder);
    return { kind: 'target', bytes: await within(limits.totalMs, read(place, name, limits)) };
  } catch (cause) {
    if (systemCode(cause) === NO_SUCH_TARGET) return { kind: 'missing' };
    return { kind: 'failed', why: reasonOf(cause), cause };
  }
}

/** The target by the metadata that was fetched before, if that is still valid. */
export async function readCachedTarget(
  place: TufPlace,
  name: string,
  limits: FetchLimits,
): Promise<Uint8Array | undefined> {
  try {
    return await within(limits.totalMs, read(place, name, { ...limits, cacheOnly: true }));
  } catch {
    // expired, or not all there: then there is only what was verified last
    return undefined;
  }
}

async function read(
  { url, folder, rootFile }: TufPlace,
  name: string,
  { exchangeMs, retries, maxBytes, cacheOnly = false }: FetchLimits & { readonly cacheOnly?: boolean },
): Promise<Uint8Array> {
  const client = await initTUF({
    mirrorURL: url,
    cachePath: folder,
    forceCache: cacheOnly,
    // the library asks the mirror for what its cache does not give: not for long, since that has just failed
    timeout: cacheOnly ? 1 : exchangeMs,
    retry: { retries: cacheOnly ? 0 : retries },
    ...(rootFile !== undefined && { rootPath: rootFile }),
  });
  const bytes = Buffer.from(await client.getTarget(name), 'utf8');
  if (bytes.length > maxBytes) throw new RangeError(`it is longer than ${maxBytes} bytes`);
  return bytes;
}

/** The library writes its files in place; one that a crash cut off would stop it for ever. */
async function dropBroken(folder: string): Promise<void> {
  for (const each of await readdir(folder, { withFileTypes: true })) {
    if (!each.isDirectory()) continue;
    const path = join(folder, each.name);
    if (!(await isJson(join(path, 'root.json')))) await rm(path, { recursive: true, force: true });
  }
}

async function isJson(path: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

/** The library limits one exchange, and not how many there are. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1_000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The innermost cause says it best: the library's own words are "error refreshing TUF metadata". */
function reasonOf(error: unknown): string {
  let inner = error;
  for (let i = 0; i < MAX_CAUSES; i += 1) {
    const cause = causeOf(inner);
    if (cause === undefined) break;
    inner = cause;
  }
  return quote(messageOf(inner));
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}

function messageOf(error: unknown): string {
  const isError = typeof error === 'object' && error !== null && 'message' in error;
  return isError && typeof error.message === 'string' ? error.message : 'an unknown error';
}

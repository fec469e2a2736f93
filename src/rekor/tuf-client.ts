import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initTUF } from '@sigstore/tuf';
import { quote } from '../errors/quote.ts';
import { systemCode } from '../errors/system-code.ts';
import { copyOf, type WorkingCopy } from './tuf-cache.ts';

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
  | {
      readonly kind: 'target';
      readonly bytes: Uint8Array;
      /** Why it could not be kept for a time without the mirror. */
      readonly unkept?: string;
    }
  /** The newest metadata, verified, has no such target. */
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'failed';
      /** There was an answer, and it was no good. */
      readonly bad: boolean;
      readonly why: string;
      readonly cause: unknown;
    };

const NO_SUCH_TARGET = 'TUF_FIND_TARGET_ERROR';
const MAX_CAUSES = 5;

/** The target, after a look for newer metadata; every failure is a value. */
export async function fetchTarget(place: TufPlace, name: string, limits: FetchLimits): Promise<Fetched> {
  try {
    await using copy = await copyOf(place.folder);
    await dropBroken(copy.folder);
    const bytes = await within(limits.totalMs, read({ ...place, folder: copy.folder }, name, limits));
    await writeFile(join(copy.folder, keptName(name)), bytes);
    const unkept = await publish(copy);
    return { kind: 'target', bytes, ...(unkept !== undefined && { unkept }) };
  } catch (cause) {
    if (systemCode(cause) === NO_SUCH_TARGET) return { kind: 'missing' };
    return { kind: 'failed', bad: !isUnreachable(cause), why: reasonOf(cause), cause };
  }
}

/** The target by the metadata that was fetched before, if that is still valid. */
export async function readCachedTarget(
  place: TufPlace,
  name: string,
  limits: FetchLimits,
): Promise<Uint8Array | undefined> {
  try {
    await using copy = await copyOf(place.folder);
    const cached = { ...place, folder: copy.folder };
    return await within(limits.totalMs, read(cached, name, { ...limits, cacheOnly: true }));
  } catch {
    // expired, or not all there: then there is only what was verified last
    return undefined;
  }
}

/** What was verified last, however long ago; it is as good as the folder it is in. */
export async function readLastVerified(place: TufPlace, name: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(place.folder, keptName(name)));
  } catch (error) {
    if (systemCode(error) !== undefined) return undefined;
    throw error;
  }
}

function keptName(target: string): string {
  return `verified-${encodeURIComponent(target)}`;
}

/** A folder that cannot be written is no reason to refuse what could be fetched. */
async function publish(copy: WorkingCopy): Promise<string | undefined> {
  try {
    await copy.publish();
    return undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return reasonOf(error);
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

/** The library never replaces a root that is no JSON, as after a loss of power. */
async function dropBroken(folder: string): Promise<void> {
  for (const each of await readdir(folder, { withFileTypes: true })) {
    const root = join(folder, each.name, 'root.json');
    if (each.isDirectory() && !(await isJson(root))) await rm(root, { force: true });
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

// of `fetch`, of the library's client (which hands on some errors as text only) and of `within`
const UNREACHABLE = /Failed to download|fetch failed|terminated|TimeoutError|no answer within/;

/** What is not known to be of the network is a bad answer: rather an alarm too many. */
function isUnreachable(error: unknown): boolean {
  return causesOf(error).some((each) => UNREACHABLE.test(String(each)));
}

/** The innermost cause says it best: the library's own words are "error refreshing TUF metadata". */
function reasonOf(error: unknown): string {
  return quote(messageOf(causesOf(error).at(-1)));
}

function causesOf(error: unknown): readonly unknown[] {
  const causes = [error];
  while (causes.length <= MAX_CAUSES) {
    const cause = causeOf(causes.at(-1));
    if (cause === undefined) break;
    causes.push(cause);
  }
  return causes;
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}

function messageOf(error: unknown): string {
  const isError = typeof error === 'object' && error !== null && 'message' in error;
  return isError && typeof error.message === 'string' ? error.message : 'an unknown error';
}

import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import type { KeySecret } from '../kube/key-secret.ts';
import { generateKey, makeKeySigner, type KeySigner } from '../rekor/key-signer.ts';
import { createDurably, isErrno, makeFolder } from '../store/durable-file.ts';

const BLINDING_KEY = /^[0-9a-f]{64}\n?$/;
/** What the first recorded tag leaves in dataDir, besides the keys: a record, and an entry of the embedded log. */
const TRACES = ['records', join('log', 'tiles', 'tile')];
const MAKE_BLINDING_KEY = 'make one with: openssl rand -hex 32';

/** The signing key; made on first start where the config names none. Throws KEY_INVALID, KUBERNETES_*. */
export async function openKeySigner({ signer, dataDir }: Config, inCluster?: KeySecret): Promise<KeySigner> {
  if (signer.kind !== 'key') throw new AppError({ code: 'INTERNAL', message: 'a key signer without a key' });
  const isOurs = signer.keyFile === `${dataDir}/signer.key`;
  if (isOurs && inCluster !== undefined) {
    const pem = await inCluster.readOrMake('signer.key', () => generateKey().privateKeyPem, forEver());
    return makeKeySigner({ pem, source: 'signer.key of its Secret' });
  }
  const pem = await readOrMake(signer.keyFile, {
    advice: keygenAdvice(signer.keyFile),
    ...(isOurs && { make: () => generateKey().privateKeyPem }),
  });
  return makeKeySigner({ pem, source: signer.keyFile });
}

/** keygen writes PREFIX.key and PREFIX.pub. */
function keygenAdvice(keyFile: string): string {
  return keyFile.endsWith('.key')
    ? `make a key with: tagseal keygen --output-prefix ${keyFile.slice(0, -'.key'.length)}`
    : 'make a key with: tagseal keygen --output-prefix PREFIX, and name PREFIX.key here';
}

/** The secret that blinds names; made on first start where the config names none. Throws KEY_INVALID, KUBERNETES_*. */
export async function openBlindingKey(
  { blindingKeyFile, dataDir }: Config,
  inCluster?: KeySecret,
): Promise<Uint8Array> {
  const isOurs = blindingKeyFile === `${dataDir}/blinding.key`;
  const make = () => `${randomBytes(32).toString('hex')}\n`;
  const text =
    isOurs && inCluster !== undefined
      ? await inCluster.readOrMake('blinding.key', make, forEver())
      : await readOrMake(blindingKeyFile, { advice: MAKE_BLINDING_KEY, ...(isOurs && { make }) });
  if (!BLINDING_KEY.test(text)) {
    throw unusable(blindingKeyFile, `it is not 64 lower-case hex digits; ${MAKE_BLINDING_KEY}`);
  }
  return Buffer.from(text.trim(), 'hex');
}

/** Every call has its own time limit. */
function forEver(): AbortSignal {
  return new AbortController().signal;
}

interface KeyWish {
  /** What to do where the file is missing and not ours to make. */
  readonly advice: string;
  readonly make?: () => string;
}

async function readOrMake(path: string, { advice, make }: KeyWish): Promise<string> {
  const found = await read(path);
  if (found !== undefined) return found;
  if (make === undefined) throw unusable(path, `there is no such file; ${advice}`);
  await requireFirstStart(path);
  try {
    await makeFolder(dirname(path));
    // of two processes that start at once, one makes the key and both read it
    await createDurably(path, make(), randomUUID());
  } catch (error) {
    throw unusable(path, `${reason(error)}; see that dataDir can be written`, error);
  }
  return (await read(path)) ?? '';
}

/** A new key beside old records would make every known tag look new, or every record forged. */
async function requireFirstStart(path: string): Promise<void> {
  const folder = dirname(path);
  const traces = await Promise.all(TRACES.map((trace) => namesIn(join(folder, trace))));
  const found = TRACES.find((_trace, at) => (traces[at] ?? []).length > 0);
  // another process may have made the key, and recorded a tag, since we looked
  if (found === undefined || (await read(path)) !== undefined) return;
  const why = `it is gone, and ${join(folder, found)} holds what was made with it`;
  throw unusable(path, `${why}; restore it from a backup, or start anew in another dataDir`);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // a file in place of the folder holds no names either; whoever needs the folder says so
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return [];
    throw unusable(folder, `${reason(error)}; see that dataDir can be read`, error);
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw unusable(path, `${reason(error)}; name a file that can be read`, error);
  }
}

function reason(error: unknown): string {
  return String(error).replace(/^Error: /, '');
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError({ code: 'KEY_INVALID', message: `cannot use the key file ${path}: ${why}`, cause });
}

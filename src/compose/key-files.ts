import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { generateKey, makeKeySigner, type KeySigner } from '../rekor/key-signer.ts';
import { createDurably, isErrno, makeFolder } from '../store/durable-file.ts';

const BLINDING_KEY = /^[0-9a-f]{64}\n?$/;
const MAKE_BLINDING_KEY = 'make one with: openssl rand -hex 32';

/** The signing key; made on first start where the config names none. Throws KEY_INVALID. */
export async function openSigner({ signer, dataDir }: Config): Promise<KeySigner> {
  const isOurs = signer.keyFile === `${dataDir}/signer.key`;
  const pem = await readOrMake(signer.keyFile, {
    advice: 'make a key with: tagseal keygen',
    ...(isOurs && { make: () => generateKey().privateKeyPem }),
  });
  return makeKeySigner({ pem, source: signer.keyFile });
}

/** The secret that blinds names; made on first start where the config names none. Throws KEY_INVALID. */
export async function openBlindingKey({ blindingKeyFile, dataDir }: Config): Promise<Uint8Array> {
  const isOurs = blindingKeyFile === `${dataDir}/blinding.key`;
  const text = await readOrMake(blindingKeyFile, {
    advice: MAKE_BLINDING_KEY,
    ...(isOurs && { make: () => `${randomBytes(32).toString('hex')}\n` }),
  });
  if (!BLINDING_KEY.test(text)) {
    throw unusable(blindingKeyFile, `it is not 64 lower-case hex digits; ${MAKE_BLINDING_KEY}`);
  }
  return Buffer.from(text.trim(), 'hex');
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
  try {
    await makeFolder(dirname(path));
    // of two processes that start at once, one makes the key and both read it
    await createDurably(path, make(), randomUUID());
  } catch (error) {
    throw unusable(path, `${reason(error)}; see that dataDir can be written`, error);
  }
  return (await read(path)) ?? '';
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

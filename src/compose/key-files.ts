import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { generateKey, makeKeySigner, type KeySigner } from '../rekor/key-signer.ts';
import { createDurably, isErrno, makeFolder } from '../store/durable-file.ts';

const BLINDING_KEY = /^[0-9a-f]{64}\n?$/;

/** The signing key; made on first start where the config names none. Throws KEY_INVALID. */
export async function openSigner({ signer, dataDir }: Config): Promise<KeySigner> {
  const isOurs = signer.keyFile === `${dataDir}/signer.key`;
  const pem = await readOrMake(signer.keyFile, isOurs ? () => generateKey().privateKeyPem : undefined);
  return makeKeySigner({ pem, source: signer.keyFile });
}

/** The secret that blinds names; made on first start where the config names none. Throws KEY_INVALID. */
export async function openBlindingKey({ blindingKeyFile, dataDir }: Config): Promise<Uint8Array> {
  const isOurs = blindingKeyFile === `${dataDir}/blinding.key`;
  const text = await readOrMake(
    blindingKeyFile,
    isOurs ? () => `${randomBytes(32).toString('hex')}\n` : undefined,
  );
  if (!BLINDING_KEY.test(text)) {
    throw unusable(
      blindingKeyFile,
      'it is not 64 lower-case hex digits; make one with: openssl rand -hex 32',
    );
  }
  return Buffer.from(text.trim(), 'hex');
}

async function readOrMake(path: string, make: (() => string) | undefined): Promise<string> {
  const found = await read(path);
  if (found !== undefined) return found;
  if (make === undefined) {
    throw unusable(path, 'there is no such file; make a key with: tagseal keygen');
  }
  try {
    await makeFolder(dirname(path));
    // of two processes that start at once, one makes the key and both read it
    await createDurably(path, make(), randomUUID());
  } catch (error) {
    throw unusable(path, String(error).replace(/^Error: /, ''), error);
  }
  return (await read(path)) ?? '';
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw unusable(path, String(error).replace(/^Error: /, ''), error);
  }
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError({ code: 'KEY_INVALID', message: `cannot use the key file ${path}: ${why}`, cause });
}

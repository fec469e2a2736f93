import { unlink, writeFile } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { fileProblem, fileProblemCode } from './file-problem.ts';
import type { Programs } from './ports.ts';

export interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Writes a new key pair to PREFIX.key (mode 0600) and PREFIX.pub; never over a file. Throws KEY_INVALID. */
export async function writeKeyPair(generateKey: Programs['generateKey'], prefix: string): Promise<KeyFiles> {
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  const { privateKey, publicKey } = generateKey();
  await create(files.publicKey, publicKey, 0o644);
  try {
    await create(files.privateKey, privateKey, 0o600);
  } catch (error) {
    // a public key without its private one would only mislead
    await unlink(files.publicKey);
    throw error;
  }
  return files;
}

async function create(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode, flush: true });
  } catch (error) {
    throw new AppError({
      code: 'KEY_INVALID',
      message: `cannot write ${quote(file)}: ${why(error)}`,
      cause: error,
    });
  }
}

function why(error: unknown): string {
  if (fileProblemCode(error) !== 'EEXIST') return fileProblem(error);
  return 'it is there already, and a key is never overwritten; choose another --output-prefix';
}

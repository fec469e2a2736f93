import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { ENCRYPTED_PEM, MAX_PEM_LENGTH } from './key-signer.ts';
import { systemCode } from '../errors/system-code.ts';

const PUBLIC = /-----BEGIN PUBLIC KEY-----/;
const PRIVATE = /-----BEGIN (?:EC )?PRIVATE KEY-----/;

/**
 * The public keys (SubjectPublicKeyInfo, DER in base64) of PEM files with a public or a private key each: retired ones,
 * whose records stay valid and which sign nothing more. In the order of the files, each once. Throws KEY_INVALID.
 */
export async function readAcceptedKeys(
  files: readonly string[],
  read: (path: string) => Promise<Uint8Array> = readFile,
): Promise<readonly string[]> {
  const keys = await Promise.all(files.map(async (file) => spkiIn(file, await readOrRefuse(file, read))));
  return [...new Set(keys)];
}

function spkiIn(file: string, bytes: Uint8Array): string {
  if (bytes.length > MAX_PEM_LENGTH) throw invalid(file, 'it is longer than any key');
  const pem = Buffer.from(bytes).toString('latin1');
  if (ENCRYPTED_PEM.test(pem)) {
    throw invalid(file, 'it is encrypted, and its public half is enough: name that file');
  }
  const key = publicKeyOf(file, pem);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve !== 'prime256v1') {
    const found = curve ?? key.asymmetricKeyType ?? 'unknown';
    throw invalid(file, `it is of type ${quote(found)} and not ECDSA P-256`);
  }
  // by its coordinates, so that whatever form it came in, it leaves in the one canonical form
  const canonical = createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
  return canonical.export({ type: 'spki', format: 'der' }).toString('base64');
}

function publicKeyOf(file: string, pem: string): KeyObject {
  try {
    if (PRIVATE.test(pem)) return createPublicKey(createPrivateKey({ key: pem, format: 'pem' }));
    if (PUBLIC.test(pem)) return createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw invalid(file, 'it is no key in PEM form', cause);
  }
  throw invalid(file, 'it is no key in PEM form');
}

async function readOrRefuse(file: string, read: (path: string) => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await read(file);
  } catch (cause) {
    throw invalid(file, systemCode(cause) ?? 'it cannot be read', cause);
  }
}

function invalid(file: string, why: string, cause?: unknown): AppError {
  const message = `cannot accept the key in ${quote(file)}: ${why}; name a file that "tagseal keygen" made`;
  return new AppError({ code: 'KEY_INVALID', message, cause });
}

import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { makeAuthority, type Authority } from '../http/tls.ts';
import type { Clock } from '../protocol/ports.ts';
import { createDurably, isErrno, makeFolder } from '../store/durable-file.ts';

const AUTHORITY_FILE = 'admission-ca.json';
const AUTHORITY_LIFETIME_MS = 3650 * 86_400_000;

/** The CA's certificate alone, for clients. */
export function authorityCertificateFile(dataDir: string): string {
  return join(dataDir, 'admission-ca.pem');
}

/** The CA that lives in dataDir; made on first start. Throws KEY_INVALID. */
export async function openOwnAuthority(dataDir: string, clock: Clock): Promise<Authority> {
  return orUnusable(join(dataDir, AUTHORITY_FILE), async () => {
    const authority = await openAuthority(dataDir, clock);
    await tellAuthority(authorityCertificateFile(dataDir), authority);
    return authority;
  });
}

/** One file holds certificate and key, so that two processes starting at once cannot mix theirs. */
async function openAuthority(dataDir: string, clock: Clock): Promise<Authority> {
  const file = join(dataDir, AUTHORITY_FILE);
  const found = await readAuthority(file);
  if (found !== undefined) return found;
  const made = await makeAuthority({ lifetimeMs: AUTHORITY_LIFETIME_MS, now: clock.now() });
  await makeFolder(dataDir);
  await createDurably(file, `${JSON.stringify(made)}\n`, randomUUID());
  return (await readAuthority(file)) ?? made;
}

/** The certificate alone, for clients: at every start, since the last one may have ended before it came to this. */
async function tellAuthority(caFile: string, { cert }: Authority): Promise<void> {
  if ((await readText(caFile)) === cert) return;
  await rm(caFile, { force: true });
  await createDurably(caFile, cert, randomUUID());
}

async function readAuthority(file: string): Promise<Authority | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const value = parseJson(text);
  if (isAuthority(value)) return value;
  throw new TypeError('it holds no certificate authority');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // no cause: the parser quotes the text, and with it perhaps the key
    return undefined;
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isAuthority(value: unknown): value is Authority {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  return (
    typeof fields['cert'] === 'string' &&
    typeof fields['key'] === 'string' &&
    typeof fields['notAfter'] === 'number'
  );
}

async function orUnusable<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AppError({
      code: 'KEY_INVALID',
      message: `cannot use the certificate authority ${quote(file)}: ${why}; see that dataDir can be written, or delete the file to make a new one`,
      cause,
    });
  }
}

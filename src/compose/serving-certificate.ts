import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { parseListenAddress } from '../http/listen-address.ts';
import {
  issueLeaf,
  makeAuthority,
  readCertificate,
  type Authority,
  type CertificatePair,
} from '../http/tls.ts';
import type { Clock } from '../protocol/ports.ts';
import { createDurably, isErrno, makeFolder } from '../store/durable-file.ts';

const AUTHORITY_FILE = 'admission-ca.json';
const DAY_MS = 86_400_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 7 * DAY_MS;

export interface ServingCertificate {
  readonly pair: CertificatePair;
  /** When to ask for a new one; absent for files of the operator's. */
  readonly renewAfterMs?: number;
  /** What clients must trust; absent for files of the operator's. */
  readonly caFile?: string;
}

/** The webhook's certificate: the operator's files, or a leaf of our own CA, which lives in dataDir. */
export async function servingCertificate(config: Config, clock: Clock): Promise<ServingCertificate> {
  const { tls } = config.admission;
  if (tls.mode === 'files') return { pair: await readCertificate(tls.certFile, tls.keyFile) };
  const caFile = join(config.dataDir, 'admission-ca.pem');
  const names = namesFor(config.admission.listen);
  const pair = await orUnusable(join(config.dataDir, AUTHORITY_FILE), async () => {
    const authority = await openAuthority(config.dataDir, clock);
    await tellAuthority(caFile, authority);
    return issueLeaf({ authority, names, lifetimeMs: LEAF_LIFETIME_MS, now: clock.now() });
  });
  return { pair, renewAfterMs: Math.floor((LEAF_LIFETIME_MS * 2) / 3), caFile };
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

function namesFor(listen: string): readonly string[] {
  const { host } = parseListenAddress(listen, 'admission.listen');
  const names = ['localhost', '127.0.0.1', '::1'];
  return host === undefined || host === '0.0.0.0' || names.includes(host) ? names : [host, ...names];
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

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { parseListenAddress } from '../http/listen-address.ts';
import {
  issueLeaf,
  makeAuthority,
  readCertificate,
  type Authority,
  type CertificatePair,
} from '../http/tls.ts';
import type { Clock } from '../protocol/ports.ts';
import { createDurably, isErrno } from '../store/durable-file.ts';

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
  const { mode, certFile, keyFile } = config.admission.tls;
  if (mode === 'files' && certFile !== undefined && keyFile !== undefined) {
    return { pair: await readCertificate(certFile, keyFile) };
  }
  const caFile = join(config.dataDir, 'admission-ca.pem');
  const authority = await openAuthority(config.dataDir, clock);
  const pair = await issueLeaf({
    authority,
    names: namesFor(config.admission.listen),
    lifetimeMs: LEAF_LIFETIME_MS,
    now: clock.now(),
  });
  return { pair, renewAfterMs: Math.floor((LEAF_LIFETIME_MS * 2) / 3), caFile };
}

/** One file holds certificate and key, so that two processes starting at once cannot mix theirs. */
async function openAuthority(dataDir: string, clock: Clock): Promise<Authority> {
  const file = join(dataDir, 'admission-ca.json');
  const found = await readAuthority(file);
  if (found !== undefined) return found;
  const made = await makeAuthority({ lifetimeMs: AUTHORITY_LIFETIME_MS, now: clock.now() });
  await createDurably(file, `${JSON.stringify(made)}\n`, randomUUID());
  const kept = (await readAuthority(file)) ?? made;
  await createDurably(join(dataDir, 'admission-ca.pem'), kept.cert, randomUUID());
  return kept;
}

async function readAuthority(file: string): Promise<Authority | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw unreadable(file, error);
  }
  const value: unknown = JSON.parse(text);
  if (isAuthority(value)) return value;
  throw unreadable(file, 'it is not a certificate authority; delete it to make a new one');
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

function unreadable(file: string, cause: unknown): AppError {
  const why = String(cause).replace(/^Error: /, '');
  return new AppError({
    code: 'KEY_INVALID',
    message: `cannot use the certificate file ${file}: ${why}`,
    cause,
  });
}

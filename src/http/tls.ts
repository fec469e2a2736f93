import { KeyObject, createPrivateKey, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type * as X509 from '@peculiar/x509';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** PEM texts. `cert` is the leaf, then the rest of its chain. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** Our own CA: what signs leaves, and what a client must trust. */
export interface Authority extends CertificatePair {
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface Leaf extends CertificatePair {
  readonly notAfter: number;
}

export interface LeafRequest {
  readonly authority: Authority;
  /** DNS names and IP addresses, at least one. */
  readonly names: readonly string[];
  readonly lifetimeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const EC_P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** Certificates are valid from a little earlier, for clients whose clock is behind. */
const BACKDATE_MS = 10 * 60 * 1000;

/** A new self-signed P-256 CA that may sign leaves only. */
export async function makeAuthority(options: {
  readonly lifetimeMs: number;
  readonly now: number;
}): Promise<Authority> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify']);
  const notAfter = options.now + options.lifetimeMs;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Tagseal CA',
    notBefore: new Date(options.now - BACKDATE_MS),
    notAfter: new Date(notAfter),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: certificate.toString('pem'), key: privatePem(keys.privateKey), notAfter };
}

/** A serving certificate under the CA, its chain included. Throws KEY_INVALID when the CA's texts cannot be used. */
export async function issueLeaf({ authority, names, lifetimeMs, now }: LeafRequest): Promise<Leaf> {
  const x509 = await loadX509();
  const issuer = readAuthority(x509, authority);
  const keys = await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify']);
  const notAfter = Math.min(now + lifetimeMs, authority.notAfter);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // names stand in the subjectAltName alone (RFC 6125): a common name is limited to 64 characters
    subject: 'CN=tagseal',
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(notAfter),
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.certificate, false),
    ],
  });
  return {
    cert: `${certificate.toString('pem')}\n${authority.cert}`,
    key: privatePem(keys.privateKey),
    notAfter,
  };
}

/** Existing PEM files. Throws KEY_INVALID that names the file. */
export async function readCertificate(certFile: string, keyFile: string): Promise<CertificatePair> {
  return { cert: await readPem(certFile, 'certificate'), key: await readPem(keyFile, 'key') };
}

/** PEM certificates of CAs. Throws KEY_INVALID that names the file. */
export function readAuthorities(file: string): Promise<string> {
  return readPem(file, 'certificate');
}

async function readPem(file: string, what: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be opened';
    throw keyInvalid(`cannot read the TLS ${what} ${quote(file)}: ${why}; check path and permissions`, cause);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw keyInvalid(
    `cannot use the TLS ${what} ${quote(file)}: it is not PEM; convert it with openssl`,
    undefined,
  );
}

/** Loaded on first use: a start with existing certificates does not pay for it. */
async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function readAuthority(x509: typeof X509, { cert, key }: CertificatePair) {
  try {
    return {
      certificate: new x509.X509Certificate(cert),
      key: createPrivateKey(key).toCryptoKey(EC_P256, false, ['sign']),
    };
  } catch (cause) {
    throw keyInvalid(
      'cannot sign a serving certificate: the CA is not a P-256 certificate and key in PEM; make a new one',
      cause,
    );
  }
}

function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** 127 random bits, positive and never zero (RFC 5280, section 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function keyInvalid(message: string, cause: unknown): AppError {
  return new AppError({ code: 'KEY_INVALID', message, cause });
}

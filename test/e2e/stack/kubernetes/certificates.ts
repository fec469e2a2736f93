import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const KEYS = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** Who a certificate is for: Kubernetes takes the user from CN and the groups from O. */
export interface Subject {
  readonly user: string;
  readonly group?: string;
  /** Addresses and names that it serves. */
  readonly serves?: readonly string[];
}

/** Files in PEM. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ClusterAuthority {
  readonly caFile: string;
  /** PEM. */
  readonly ca: string;
  issue(name: string, subject: Subject): Promise<CertificateFiles>;
}

/** A CA of a cluster that lives some hours; its files and those of what it issues are in `folder`. */
export async function makeClusterAuthority(folder: string): Promise<ClusterAuthority> {
  await mkdir(folder, { recursive: true });
  const dates = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + 24 * HOUR_MS) };
  const keys = await webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates,
    serialNumber: serial(),
    name: 'CN=test cluster CA',
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const caFile = join(folder, 'ca.crt');
  await writeFile(caFile, root.toString('pem'));
  return {
    caFile,
    ca: root.toString('pem'),
    async issue(name, { user, group, serves = [] }) {
      const own = await webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        ...dates,
        serialNumber: serial(),
        subject: [{ CN: [user] }, ...(group === undefined ? [] : [{ O: [group] }])],
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNING,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([
            x509.ExtendedKeyUsage.serverAuth,
            x509.ExtendedKeyUsage.clientAuth,
          ]),
          ...(serves.length === 0 ? [] : [alternativeNames(serves)]),
          await x509.AuthorityKeyIdentifierExtension.create(root, false),
        ],
      });
      const files = { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
      await writeFile(files.certFile, certificate.toString('pem'));
      await writeFile(files.keyFile, pem(own.privateKey), { mode: 0o600 });
      return files;
    },
  };
}

/** A key that signs tokens of service accounts. */
export async function writeSigningKey(file: string): Promise<void> {
  const { privateKey } = await webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
  await writeFile(file, pem(privateKey), { mode: 0o600 });
}

function alternativeNames(names: readonly string[]): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
  );
}

// SEC 1: Kubernetes reads it for certificates and tokens alike
function pem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'sec1', format: 'pem' }).toString();
}

function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

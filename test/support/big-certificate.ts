import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { Extension, X509CertificateGenerator } from '@peculiar/x509';

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const A_MINUTE_MS = 60_000;

/** A certificate that somebody has given himself, with so many bytes of nothing in it, and its key. */
export async function bigCertificate(
  bytes: number,
): Promise<{ readonly privateKey: KeyObject; readonly der: string }> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: '01',
      name: 'CN=stranger',
      notBefore: new Date(Date.now() - A_MINUTE_MS),
      notAfter: new Date(Date.now() + A_MINUTE_MS),
      signingAlgorithm: P256,
      keys,
      extensions: [new Extension('1.2.3.4', false, Buffer.alloc(bytes, 7))],
    },
    webcrypto,
  );
  return {
    privateKey: KeyObject.from(keys.privateKey),
    der: Buffer.from(certificate.rawData).toString('base64'),
  };
}

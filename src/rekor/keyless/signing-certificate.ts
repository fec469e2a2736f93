import { X509Certificate as NodeCertificate } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { keyOf } from '../p256.ts';
import { ISSUER_V1, ISSUER_V2, RFC822_NAME, URI } from '../fulcio-oids.ts';

const PRINTABLE = /^[\x21-\x7e]+$/;

/** A certificate of Fulcio's, as far as a signer must know it; nobody has verified who issued it. */
export interface SigningCertificate {
  /** X.509, DER in base64. */
  readonly der: string;
  /** SubjectPublicKeyInfo, DER in base64: ECDSA P-256. */
  readonly spki: string;
  /** The one subject alternative name: a URI or an e-mail address. */
  readonly identity: string;
  /** URL of the token's issuer. */
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Throws TypeError (or what a parser throws) for any other certificate. */
export function parseSigningCertificate(der: Uint8Array): SigningCertificate {
  const base64 = Buffer.from(der).toString('base64');
  const { spki } = keyOf({ kind: 'certificate', der: base64 });
  const certificate = X509Certificate.parse(Buffer.from(der));
  const { notBefore, notAfter } = certificate;
  if (!(notBefore < notAfter)) throw new TypeError('the certificate has no lifetime');
  return {
    der: base64,
    spki,
    identity: identityOf(certificate),
    issuer: issuerOf(certificate),
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
  };
}

/** The DER of a PEM text that holds one certificate. Throws TypeError, or what OpenSSL throws. */
export function derOfPem(pem: string): Uint8Array {
  return new NodeCertificate(pem).raw;
}

function identityOf(certificate: X509Certificate): string {
  const names = certificate.extSubjectAltName?.valueObj.subs[0]?.subs ?? [];
  const [name] = names;
  // a second name could be one that nobody compared
  if (name === undefined || names.length > 1) throw new TypeError('the certificate has not one name');
  const isKnown = name.tag.isContextSpecific(URI) || name.tag.isContextSpecific(RFC822_NAME);
  // as bytes: the library's own reading drops the high bit of each
  const identity = name.value.toString('latin1');
  if (!isKnown || !PRINTABLE.test(identity)) {
    throw new TypeError('the name in the certificate is no URI and no e-mail address');
  }
  return identity;
}

function issuerOf(certificate: X509Certificate): string {
  const issuer =
    certificate.extension(ISSUER_V2)?.valueObj.subs[0]?.value ?? certificate.extension(ISSUER_V1)?.value;
  const text = (issuer ?? Buffer.alloc(0)).toString('latin1');
  if (!PRINTABLE.test(text)) throw new TypeError('the certificate does not say who issued the token');
  return text;
}

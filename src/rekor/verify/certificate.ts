import { X509Certificate as OpensslCertificate, type KeyObject } from 'node:crypto';
import { ASN1Obj, X509Certificate } from '@sigstore/core';

const MAX_DER_LENGTH = 16_384;
const MAX_EXTENSIONS = 64;
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** Key usage, alternative names, basic constraints, extended key usage: those that are looked at when critical. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['2.5.29.15', '2.5.29.17', '2.5.29.19', EXTENDED_KEY_USAGE]);
/** ECDSA and RSA with SHA-256, -384, -512; Ed25519. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.3.101.112',
]);

/** An extension of a certificate (RFC 5280 section 4.2). */
export interface Extension {
  readonly critical: boolean;
  /** Its extnValue, an OCTET STRING: `value` its bytes, `subs` what they encode. */
  readonly value: ASN1Obj;
}

/** An X.509 certificate as two parsers read it alike; nobody has verified who issued it. */
export interface Certificate {
  /** DER in base64. */
  readonly der: string;
  readonly asn1: X509Certificate;
  readonly openssl: OpensslCertificate;
  readonly key: KeyObject;
  /** OID of the algorithm that its issuer signed it with. */
  readonly algorithm: string;
  /** By OID; each occurs once. */
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Milliseconds since the epoch, both included. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate, DER in base64. Throws TypeError, or what the parsers throw, for anything else. */
export function readCertificate(base64: string): Certificate {
  const der = Buffer.from(base64, 'base64');
  if (der.length > MAX_DER_LENGTH) throw new TypeError('the certificate is longer than any');
  if (der.toString('base64') !== base64)
    throw new TypeError('the certificate is not in the one spelling of base64');
  const openssl = new OpensslCertificate(der);
  const root = ASN1Obj.parseBuffer(der);
  if (!openssl.raw.equals(der) || !root.toDER().equals(der))
    throw new TypeError('the certificate is not in DER');
  const asn1 = new X509Certificate(root);
  const [notBefore, notAfter] = [asn1.notBefore.getTime(), asn1.notAfter.getTime()];
  // NaN compares with nothing
  if (!(notBefore <= notAfter)) throw new TypeError('the certificate has no lifetime');
  return {
    der: base64,
    asn1,
    openssl,
    key: openssl.publicKey,
    algorithm: root.subs[1]?.subs[0]?.toOID() ?? '',
    extensions: readExtensions(asn1),
    notBefore,
    notAfter,
  };
}

/**
 * Whether it was issued and signed by the other one, which may issue certificates; times, purposes and path lengths
 * are not looked at.
 */
export function isIssuedBy({ asn1, openssl, algorithm }: Certificate, issuer: Certificate): boolean {
  return (
    SIGNATURE_ALGORITHMS.has(algorithm) &&
    // by its basic constraints and its key usage
    issuer.openssl.ca &&
    // OpenSSL folds case in names
    asn1.issuer.equals(issuer.asn1.subject) &&
    openssl.checkIssued(issuer.openssl) &&
    openssl.verify(issuer.key)
  );
}

/** Whether nothing critical in it goes unread. */
export function isUnderstood({ extensions }: Certificate): boolean {
  return [...extensions].every(([oid, { critical }]) => !critical || UNDERSTOOD.has(oid));
}

/** What its key is for, by OID; undefined when it does not say. */
export function purposesOf({ extensions }: Certificate): readonly string[] | undefined {
  return extensions.get(EXTENDED_KEY_USAGE)?.value.subs[0]?.subs.map((purpose) => purpose.toOID());
}

export function isCriticalPurpose({ extensions }: Certificate): boolean {
  return extensions.get(EXTENDED_KEY_USAGE)?.critical === true;
}

function readExtensions({ extensions }: X509Certificate): ReadonlyMap<string, Extension> {
  if (extensions.length > MAX_EXTENSIONS) throw new TypeError('the certificate has too many extensions');
  const read = new Map(extensions.map(readExtension));
  // a second one of a kind would be one that nobody looked at
  if (read.size < extensions.length) throw new TypeError('the certificate has an extension twice');
  return read;
}

function readExtension({ subs }: ASN1Obj): [string, Extension] {
  const [oid, second, third] = subs;
  const content = third ?? second;
  if (oid === undefined || content === undefined || subs.length > 3) throw new TypeError('no extension');
  return [oid.toOID(), { critical: third !== undefined && second?.toBoolean() === true, value: content }];
}

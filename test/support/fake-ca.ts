import 'reflect-metadata';
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  webcrypto,
  type KeyObject,
} from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import * as x509 from '@peculiar/x509';
import type { TrustedAuthority, TrustedCtLog } from '../../src/rekor/sigstore-trust.ts';
import { tlv } from './fake-timestamps.ts';

/** When the logs on paper say that everything happened, in milliseconds. */
export const NOW = 1_790_000_000_000;
export const SAN = 'https://kubernetes.io/namespaces/tagseal-system/serviceaccounts/tagseal';
export const ISSUER = 'https://issuer.example.com';
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
const SCTS = '1.3.6.1.4.1.11129.2.4.2';
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const YEARS = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2040-01-01T00:00:00Z') };

export interface Issued {
  /** DER in base64. */
  readonly der: string;
  readonly privateKey: KeyObject;
}

/** What a certificate says; absent: what a good one says. */
export interface Wish {
  readonly names?: readonly { readonly type: 'url' | 'email' | 'dns'; readonly value: string }[];
  readonly issuer?: string | undefined;
  /** The token's issuer in the older extension. */
  readonly olderIssuer?: string;
  readonly notBefore?: number;
  readonly lifetimeMs?: number;
  readonly purposes?: readonly string[];
  readonly curve?: 'P-256' | 'P-384';
  /** PEM of the key that it is for; the private key that comes with it is another one's then. */
  readonly publicKey?: string;
  /** Hash of the signature of its issuer. */
  readonly hash?: 'SHA-1' | 'SHA-256';
  /** It names the key of another issuer. */
  readonly strangeIssuerKey?: boolean;
  readonly isCa?: boolean;
  readonly usage?: x509.KeyUsageFlags;
  readonly extra?: readonly x509.Extension[];
  /** CT logs that it is promised to. */
  readonly promisedTo?: readonly FakeCtLog[];
}

export interface FakeCa {
  readonly authority: TrustedAuthority;
  certify(wish?: Wish): Promise<Issued>;
}

/** A root, an intermediate below it, and certificates like Fulcio's below that. */
export async function makeFakeCa(
  options: {
    readonly name?: string;
    readonly purpose?: string;
    readonly pathLength?: number;
    readonly caFlag?: boolean;
    /** How many CAs may stand below the root. */
    readonly rootPathLength?: number;
  } = {},
): Promise<FakeCa> {
  const { name = 'fake', purpose = CODE_SIGNING, pathLength = 0, caFlag = true, rootPathLength } = options;
  const root = await newKeys();
  const middle = await newKeys();
  const rootCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...YEARS,
    name: `CN=${name} root`,
    serialNumber: '01',
    keys: root,
    signingAlgorithm: SIGNING,
    extensions: [
      ...caExtensions(rootPathLength, true),
      await x509.SubjectKeyIdentifierExtension.create(root.publicKey),
    ],
  });
  const middleCertificate = await x509.X509CertificateGenerator.create({
    ...YEARS,
    issuer: `CN=${name} root`,
    subject: `CN=${name} intermediate`,
    serialNumber: '02',
    publicKey: middle.publicKey,
    signingKey: root.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      ...caExtensions(pathLength, caFlag),
      new x509.ExtendedKeyUsageExtension([purpose]),
      await x509.SubjectKeyIdentifierExtension.create(middle.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
    ],
  });
  const issuerKey = Buffer.from(middleCertificate.publicKey.rawData);

  async function certify(wish: Wish = {}): Promise<Issued> {
    const made = generateKeyPairSync('ec', { namedCurve: wish.curve ?? 'P-256' });
    const { privateKey } = made;
    const publicKey = wish.publicKey === undefined ? made.publicKey : createPublicKey(wish.publicKey);
    const notBefore = wish.notBefore ?? NOW - 60_000;
    const create = async (extensions: readonly x509.Extension[]) =>
      x509.X509CertificateGenerator.create({
        serialNumber: '1234',
        subject: '',
        issuer: `CN=${name} intermediate`,
        notBefore: new Date(notBefore),
        notAfter: new Date(notBefore + (wish.lifetimeMs ?? 600_000)),
        publicKey: new x509.PublicKey(publicKey.export({ type: 'spki', format: 'der' })),
        signingKey: middle.privateKey,
        signingAlgorithm: { ...SIGNING, hash: wish.hash ?? SIGNING.hash },
        extensions: [...extensions],
      });
    const plain = [
      ...leafExtensions(wish),
      await x509.AuthorityKeyIdentifierExtension.create(
        (wish.strangeIssuerKey === true ? root : middle).publicKey,
      ),
    ];
    const pre = await create(plain);
    const logs = wish.promisedTo ?? [];
    const body = X509Certificate.parse(Buffer.from(pre.rawData)).tbsCertificate.toDER();
    const promises = logs.map((log) => log.promise(body, issuerKey));
    const done = logs.length === 0 ? pre : await create([...plain, sctExtension(promises)]);
    return { der: base64(done.rawData), privateKey };
  }

  return {
    authority: {
      subject: { organization: name, commonName: `${name} root` },
      certChain: {
        certificates: [middleCertificate, rootCertificate].map(({ rawData }) => ({
          rawBytes: base64(rawData),
        })),
      },
      validFor: { start: '2020-01-01T00:00:00Z' },
    },
    certify,
  };
}

export interface FakeCtLog {
  readonly trust: TrustedCtLog;
  /** A signed certificate timestamp over what is to be certified (RFC 6962 section 3.2). */
  promise(body: Buffer, issuerKey: Buffer): Buffer;
}

export function makeFakeCtLog(time = NOW - 60_000): FakeCtLog {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const logId = createHash('sha256').update(spki).digest();
  const when = Buffer.alloc(8);
  when.writeBigUInt64BE(BigInt(time));
  return {
    trust: {
      baseUrl: 'https://ct.test',
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: spki.toString('base64'),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
      logId: { keyId: logId.toString('base64') },
    },
    promise(body, issuerKey) {
      const issuer = createHash('sha256').update(issuerKey).digest();
      const signed = [
        Buffer.of(0, 0),
        when,
        Buffer.of(0, 1),
        issuer,
        uint(3, body.length),
        body,
        Buffer.of(0, 0),
      ];
      const signature = sign('sha256', Buffer.concat(signed), privateKey);
      const head = [Buffer.of(0), logId, when, Buffer.of(0, 0, 4, 3)];
      return Buffer.concat([...head, uint(2, signature.length), signature]);
    },
  };
}

export function sctExtension(promises: readonly Buffer[]): x509.Extension {
  const list = Buffer.concat(promises.flatMap((promise) => [uint(2, promise.length), promise]));
  const value = tlv(0x04, Buffer.concat([uint(2, list.length), list]));
  return new x509.Extension(SCTS, false, Uint8Array.from(value));
}

function leafExtensions(wish: Wish): readonly x509.Extension[] {
  const issuer = 'issuer' in wish ? wish.issuer : ISSUER;
  const names = wish.names ?? [{ type: 'url', value: SAN }];
  const purposes = wish.purposes ?? [CODE_SIGNING];
  return [
    new x509.KeyUsagesExtension(wish.usage ?? x509.KeyUsageFlags.digitalSignature, true),
    ...(purposes.length === 0
      ? []
      : [new x509.ExtendedKeyUsageExtension([...purposes], purposes.includes(TIME_STAMPING))]),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names], true)]),
    ...(issuer === undefined ? [] : [extension(ISSUER_V2, tlv(0x0c, Buffer.from(issuer)))]),
    ...(wish.olderIssuer === undefined ? [] : [extension(ISSUER_V1, Buffer.from(wish.olderIssuer))]),
    ...(wish.isCa === true ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
    ...(wish.extra ?? []),
  ];
}

export function extension(oid: string, value: Buffer, critical = false): x509.Extension {
  return new x509.Extension(oid, critical, Uint8Array.from(value));
}

function caExtensions(pathLength: number | undefined, caFlag: boolean): readonly x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(caFlag, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ];
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
}

function uint(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function base64(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('base64');
}

/** SubjectPublicKeyInfo (DER in base64) of a private key. */
export function spkiOf(privateKey: KeyObject): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
}

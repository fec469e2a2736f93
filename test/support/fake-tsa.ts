import { createHash, sign } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import type { TrustedAuthority } from '../../src/rekor/sigstore-trust.ts';
import { makeFakeCa, NOW, TIME_STAMPING, type Wish } from './fake-ca.ts';
import { tlv } from './fake-timestamps.ts';

const SHA256 = oid('608648016503040201');
const ECDSA_SHA256 = oid('2a8648ce3d040302');
const SIGNED_DATA = oid('2a864886f70d010702');
const TST_INFO = oid('2a864886f70d0109100104');
const CONTENT_TYPE = oid('2a864886f70d010903');
const MESSAGE_DIGEST = oid('2a864886f70d010904');

/** How a timestamp differs from a good one. */
export interface StampWish {
  /** SHA-256 that is stamped; absent: of the signature. */
  readonly imprint?: Buffer;
  /** Content octets of an INTEGER. */
  readonly nonce?: Buffer;
  readonly time?: number;
  /** GeneralizedTime as written; by default whole seconds. */
  readonly written?: string;
  readonly status?: number;
  readonly statusText?: string;
  readonly signers?: number;
  readonly embedded?: readonly Buffer[];
  readonly serialNumber?: Buffer;
  readonly contentType?: Buffer;
  readonly digest?: Buffer;
  readonly unsigned?: Buffer;
  readonly listedHash?: Buffer;
}

export interface FakeTsa {
  readonly authority: TrustedAuthority;
  /** A TimeStampResp (base64) over a signature (base64). */
  stamp(signature: string, wish?: StampWish): string;
}

/** A timestamp authority that signs whatever a test wants it to sign. */
export async function makeFakeTsa(wish: Wish = {}): Promise<FakeTsa> {
  const ca = await makeFakeCa({ name: 'tsa', purpose: TIME_STAMPING });
  const lifetime = { notBefore: Date.UTC(2021, 0), lifetimeMs: Date.UTC(2039, 0) - Date.UTC(2021, 0) };
  const { der, privateKey } = await ca.certify({
    purposes: [TIME_STAMPING],
    names: [],
    issuer: undefined,
    ...lifetime,
    ...wish,
  });
  const certificate = Buffer.from(der, 'base64');
  const { asn1 } = { asn1: X509Certificate.parse(certificate) };

  function signerInfo(info: Buffer, options: StampWish): Buffer {
    const digest = options.digest ?? createHash('sha256').update(info).digest();
    const attributes = Buffer.concat([
      tlv(0x30, CONTENT_TYPE, tlv(0x31, options.contentType ?? TST_INFO)),
      tlv(0x30, MESSAGE_DIGEST, tlv(0x31, tlv(0x04, digest))),
    ]);
    const signature = sign('sha256', tlv(0x31, attributes), privateKey);
    const serial = tlv(0x02, options.serialNumber ?? asn1.serialNumber);
    return tlv(
      0x30,
      tlv(0x02, Buffer.of(1)),
      tlv(0x30, tlv(0x30, asn1.issuer), serial),
      tlv(0x30, SHA256),
      tlv(0xa0, attributes),
      tlv(0x30, ECDSA_SHA256),
      tlv(0x04, signature),
      ...(options.unsigned === undefined ? [] : [options.unsigned]),
    );
  }

  return {
    authority: {
      ...ca.authority,
      certChain: { certificates: [{ rawBytes: der }, ...ca.authority.certChain.certificates] },
    },
    stamp(signature, options = {}) {
      const imprint =
        options.imprint ?? createHash('sha256').update(Buffer.from(signature, 'base64')).digest();
      const info = tlv(
        0x30,
        tlv(0x02, Buffer.of(1)),
        oid('2a03'),
        tlv(0x30, tlv(0x30, SHA256), tlv(0x04, imprint)),
        tlv(0x02, Buffer.of(7)),
        tlv(0x18, Buffer.from(options.written ?? written(options.time ?? NOW))),
        ...(options.nonce === undefined ? [] : [tlv(0x02, options.nonce)]),
      );
      const signers = Array.from({ length: options.signers ?? 1 }, () => signerInfo(info, options));
      const embedded = options.embedded ?? [certificate];
      const signedData = tlv(
        0x30,
        tlv(0x02, Buffer.of(3)),
        tlv(0x31, tlv(0x30, options.listedHash ?? SHA256)),
        tlv(0x30, TST_INFO, tlv(0xa0, tlv(0x04, info))),
        ...(embedded.length === 0 ? [] : [tlv(0xa0, ...embedded)]),
        tlv(0x31, ...signers),
      );
      const text =
        options.statusText === undefined ? [] : [tlv(0x30, tlv(0x0c, Buffer.from(options.statusText)))];
      const status = tlv(0x30, tlv(0x02, Buffer.of(options.status ?? 0)), ...text);
      return tlv(0x30, status, tlv(0x30, SIGNED_DATA, tlv(0xa0, signedData))).toString('base64');
    },
  };
}

function written(time: number): string {
  return `${new Date(time).toISOString().replaceAll(/[-:T]|\..*/g, '')}Z`;
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

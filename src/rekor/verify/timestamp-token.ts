import { ASN1Obj } from '@sigstore/core';

const MAX_LENGTH = 32_768;
const GRANTED = 0n;
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const SET = 0x31;
/** DER asks for no zeros at the end of a fraction (RFC 3161 section 2.4.2). */
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{0,8}[1-9])?Z$/;
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const ECDSA: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/** What a timestamp says (RFC 3161 section 2.4.2, RFC 5652 section 5); nobody has verified who says it. */
export interface TimestampToken {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Hash of what was timestamped. */
  readonly imprint: { readonly algorithm: string; readonly hash: Buffer };
  /** TSTInfo in DER, and its hash as the signer took it. */
  readonly content: Buffer;
  readonly contentDigest: { readonly algorithm: string; readonly hash: Buffer };
  /** What is signed: the attributes as a SET in DER. */
  readonly signedAttributes: Buffer;
  readonly signature: { readonly algorithm: string; readonly value: Buffer };
  /** Who signed: a Name in DER without its header, and the content of a serial number. */
  readonly signer: { readonly issuer: Buffer; readonly serialNumber: Buffer };
  /** Certificates that came with it, DER in base64. */
  readonly certificates: readonly string[];
}

/**
 * Reads a TimeStampResp in DER (base64) that has exactly one signer, ECDSA, and nothing that nobody signed but
 * certificates. Throws TypeError (or what the parser throws) for any other.
 */
export function readTimestampToken(base64: string): TimestampToken {
  const der = Buffer.from(base64, 'base64');
  if (der.length > MAX_LENGTH) throw new TypeError('longer than any timestamp');
  const [, digests, encapsulated, ...others] = children(signedDataIn(ASN1Obj.parseBuffer(der)), 4, 5);
  const [certificates, signers] = others.length === 2 ? others : [undefined, ...others];
  if (certificates?.tag.isContextSpecific(0) === false) throw new TypeError('it has CRLs');
  const content = contentOf(encapsulated);
  const [signer] = children(signers, 1, 1);
  return {
    ...readInfo(content),
    content,
    ...readSigner(signer, digests),
    certificates: (certificates?.subs ?? []).map((each) => each.toDER().toString('base64')),
  };
}

function signedDataIn(response: ASN1Obj): ASN1Obj | undefined {
  const [status, token] = children(response, 2, 2);
  const [granted] = children(status, 1, 1);
  if (granted?.toInteger() !== GRANTED) throw new TypeError('it was not granted');
  const [type, wrapped] = children(token, 2, 2);
  expectOid(type, SIGNED_DATA);
  return children(wrapped, 1, 1)[0];
}

type Signer = Pick<TimestampToken, 'contentDigest' | 'signedAttributes' | 'signature' | 'signer'>;

/** SignerInfo without unsigned attributes (RFC 5652 section 5.3). */
function readSigner(signer: ASN1Obj | undefined, digests: ASN1Obj | undefined): Signer {
  const [, signerId, digest, attributes, algorithm, signature] = children(signer, 6, 6);
  const [issuer, serialNumber] = children(signerId, 2, 2);
  if (attributes?.tag.isContextSpecific(0) !== true)
    throw new TypeError('its signature is over no attributes');
  const contentHash = oidIn(digest);
  // the list above the signers is signed by nobody
  if (oidIn(children(digests, 1, 1)[0]) !== contentHash) throw new TypeError('its hashes do not agree');
  const signedAttributes = Buffer.from(attributes.toDER());
  signedAttributes[0] = SET;
  return {
    contentDigest: { algorithm: nameOf(HASHES, contentHash), hash: digestIn(attributes) },
    signedAttributes,
    signature: { algorithm: nameOf(ECDSA, oidIn(algorithm)), value: bytesOf(signature) },
    signer: { issuer: bytesOf(issuer), serialNumber: bytesOf(serialNumber) },
  };
}

/** GeneralizedTime with any number of digits for a fraction of a second, which RFC 3161 allows, in milliseconds. */
export function parseGeneralizedTime(text: string): number {
  const [, year, month, day, hour, minute, second, fraction = ''] = GENERALIZED_TIME.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  const milliseconds = time + Math.floor(Number(`0${fraction}`) * 1_000);
  // Date.parse takes 24:00 for the next day
  if (Number.isNaN(time) || hour === '24') throw new TypeError('it has no time');
  return milliseconds;
}

function contentOf(encapsulated: ASN1Obj | undefined): Buffer {
  const [type, wrapped] = children(encapsulated, 2, 2);
  expectOid(type, TST_INFO);
  const [content] = children(wrapped, 1, 1);
  if (content?.tag.isOctetString() !== true) throw new TypeError('its content is no octets');
  return content.value;
}

function readInfo(content: Buffer): Pick<TimestampToken, 'time' | 'imprint'> {
  const [version, , imprint, , time] = children(ASN1Obj.parseBuffer(Buffer.from(content)), 5, 10);
  if (version?.toInteger() !== 1n) throw new TypeError('it is of another version');
  const [algorithm, hash] = children(imprint, 2, 2);
  if (time?.tag.isGeneralizedTime() !== true) throw new TypeError('it has no time');
  return {
    time: parseGeneralizedTime(time.value.toString('latin1')),
    imprint: { algorithm: nameOf(HASHES, oidIn(algorithm)), hash: bytesOf(hash) },
  };
}

/** The hash of the content among the signed attributes, each of which stands there once (RFC 5652 section 11). */
function digestIn(attributes: ASN1Obj): Buffer {
  const byOid = new Map(
    attributes.subs.map((attribute): [string, ASN1Obj | undefined] => {
      const [oid, values] = children(attribute, 2, 2);
      return [oid?.toOID() ?? '', values];
    }),
  );
  if (byOid.size < attributes.subs.length) throw new TypeError('it has an attribute twice');
  expectOid(children(byOid.get(CONTENT_TYPE), 1, 1)[0], TST_INFO);
  return bytesOf(children(byOid.get(MESSAGE_DIGEST), 1, 1)[0]);
}

/** What a constructed value holds: from `min` to `max` values. */
function children(value: ASN1Obj | undefined, min: number, max: number): readonly ASN1Obj[] {
  if (value?.tag.constructed !== true || value.subs.length < min || value.subs.length > max) {
    throw new TypeError('it is not of the form of a timestamp');
  }
  return value.subs;
}

function bytesOf(value: ASN1Obj | undefined): Buffer {
  if (value === undefined) throw new TypeError('it is not of the form of a timestamp');
  return value.value;
}

function oidIn(algorithm: ASN1Obj | undefined): string {
  return children(algorithm, 1, 2)[0]?.toOID() ?? '';
}

function expectOid(value: ASN1Obj | undefined, oid: string): void {
  if (value?.toOID() !== oid) throw new TypeError('it is not of the type of a timestamp');
}

function nameOf(table: Readonly<Record<string, string>>, oid: string): string {
  const name = Object.hasOwn(table, oid) ? table[oid] : undefined;
  if (name === undefined) throw new TypeError('it uses an algorithm that is not known here');
  return name;
}

import { ASN1Obj } from '@sigstore/core';

const NO_TIMESTAMP = 'it is not of the form of a timestamp';
const MAX_LENGTH = 32_768;
const MAX_CERTIFICATES = 10;
const MAX_ATTRIBUTES = 16;
const MAX_INFO_FIELDS = 10;
const GRANTED = 0n;
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
/** Tags (X.690 section 8.1.2); nobody signs those around what is signed, so each is compared. */
const INTEGER = 0x02;
const OCTETS = 0x04;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT_0 = 0xa0;
const GENERALIZED_TIME_TAG = 0x18;
/** Of SignedData: 3 by RFC 5652 section 5.1, and 1 by many a library. */
const DATA_VERSIONS: readonly bigint[] = [1n, 3n];
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
  const [version, digests, encapsulated, ...others] = signedDataIn(ASN1Obj.parseBuffer(der));
  if (!DATA_VERSIONS.includes(integer(version))) throw new TypeError('it is of another version');
  const [certificates, signers] = others.length === 2 ? others : [undefined, ...others];
  const content = contentOf(encapsulated);
  const [signer] = inside(SET, signers, 1);
  return {
    ...readTimestampInfo(content),
    content,
    ...readSigner(signer, digests),
    certificates: certificatesIn(certificates),
  };
}

function signedDataIn(response: ASN1Obj): readonly ASN1Obj[] {
  const [status, token] = inside(SEQUENCE, response, 2);
  const [granted] = inside(SEQUENCE, status, 1);
  if (integer(granted) !== GRANTED) throw new TypeError('it was not granted');
  const [type, wrapped] = inside(SEQUENCE, token, 2);
  expectOid(type, SIGNED_DATA);
  return inside(SEQUENCE, inside(CONTEXT_0, wrapped, 1)[0], 4, 5);
}

function certificatesIn(value: ASN1Obj | undefined): readonly string[] {
  if (value === undefined) return [];
  return inside(CONTEXT_0, value, 1, MAX_CERTIFICATES).map((each) => each.toDER().toString('base64'));
}

type Signer = Pick<TimestampToken, 'contentDigest' | 'signedAttributes' | 'signature' | 'signer'>;

/** SignerInfo without unsigned attributes (RFC 5652 section 5.3). */
function readSigner(signer: ASN1Obj | undefined, digests: ASN1Obj | undefined): Signer {
  const [version, signerId, digest, attributes, algorithm, signature] = inside(SEQUENCE, signer, 6);
  if (integer(version) !== 1n) throw new TypeError('it is of another version');
  const [issuer, serialNumber] = inside(SEQUENCE, signerId, 2);
  const contentHash = oidIn(digest);
  // the list above the signers is signed by nobody
  if (oidIn(inside(SET, digests, 1)[0]) !== contentHash) throw new TypeError('its hashes do not agree');
  const hash = digestIn(inside(CONTEXT_0, attributes, 1, MAX_ATTRIBUTES));
  const signedAttributes = Buffer.from(attributes?.toDER() ?? []);
  signedAttributes[0] = SET;
  return {
    contentDigest: { algorithm: nameOf(HASHES, contentHash), hash },
    signedAttributes,
    signature: { algorithm: nameOf(ECDSA, oidIn(algorithm)), value: bytes(OCTETS, signature) },
    signer: { issuer: bytes(SEQUENCE, issuer), serialNumber: bytes(INTEGER, serialNumber) },
  };
}

/** GeneralizedTime with any number of digits for a fraction of a second, which RFC 3161 allows, in milliseconds. */
export function parseGeneralizedTime(text: string): number {
  const [, year, month, day, hour, minute, second, fraction = ''] = GENERALIZED_TIME.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date.parse guesses at what it cannot read, and takes the 30th of February for a day in March
  if (year === undefined || Number.isNaN(time) || new Date(time).toISOString() !== iso) {
    throw new TypeError('it has no time');
  }
  return time + Math.floor(Number(`0${fraction}`) * 1_000);
}

function contentOf(encapsulated: ASN1Obj | undefined): Buffer {
  const [type, wrapped] = inside(SEQUENCE, encapsulated, 2);
  expectOid(type, TST_INFO);
  return bytes(OCTETS, inside(CONTEXT_0, wrapped, 1)[0]);
}

/** What a TSTInfo in DER says (RFC 3161 section 2.4.2). Throws TypeError, or what the parser throws. */
export function readTimestampInfo(content: Buffer): Pick<TimestampToken, 'time' | 'imprint'> {
  const info = ASN1Obj.parseBuffer(Buffer.from(content));
  const [version, , imprint, , time] = inside(SEQUENCE, info, 5, MAX_INFO_FIELDS);
  if (integer(version) !== 1n) throw new TypeError('it is of another version');
  const [algorithm, hash] = inside(SEQUENCE, imprint, 2);
  return {
    time: parseGeneralizedTime(bytes(GENERALIZED_TIME_TAG, time).toString('latin1')),
    imprint: { algorithm: nameOf(HASHES, oidIn(algorithm)), hash: bytes(OCTETS, hash) },
  };
}

/** The hash of the content among the signed attributes, each of which stands there once (RFC 5652 section 11). */
function digestIn(attributes: readonly ASN1Obj[]): Buffer {
  const byOid = new Map(
    attributes.map((attribute): [string, ASN1Obj | undefined] => {
      const [oid, values] = inside(SEQUENCE, attribute, 2);
      return [oid?.toOID() ?? '', values];
    }),
  );
  if (byOid.size < attributes.length) throw new TypeError('it has an attribute twice');
  expectOid(inside(SET, byOid.get(CONTENT_TYPE), 1)[0], TST_INFO);
  return bytes(OCTETS, inside(SET, byOid.get(MESSAGE_DIGEST), 1)[0]);
}

/** What a constructed value of this tag holds: from `min` to `max` values. */
function inside(tag: number, value: ASN1Obj | undefined, min: number, max = min): readonly ASN1Obj[] {
  const found = tagged(tag, value).subs;
  if (found.length < min || found.length > max) throw new TypeError(NO_TIMESTAMP);
  return found;
}

function bytes(tag: number, value: ASN1Obj | undefined): Buffer {
  return tagged(tag, value).value;
}

function integer(value: ASN1Obj | undefined): bigint {
  return tagged(INTEGER, value).toInteger();
}

function tagged(tag: number, value: ASN1Obj | undefined): ASN1Obj {
  if (value?.tag.toDER() !== tag) throw new TypeError(NO_TIMESTAMP);
  return value;
}

function oidIn(algorithm: ASN1Obj | undefined): string {
  return inside(SEQUENCE, algorithm, 1, 2)[0]?.toOID() ?? '';
}

function expectOid(value: ASN1Obj | undefined, oid: string): void {
  if (value?.toOID() !== oid) throw new TypeError(NO_TIMESTAMP);
}

function nameOf(table: Readonly<Record<string, string>>, oid: string): string {
  const name = Object.hasOwn(table, oid) ? table[oid] : undefined;
  if (name === undefined) throw new TypeError('it uses an algorithm that is not known here');
  return name;
}

import type { ASN1Obj } from '@sigstore/core';
import type { Certificate } from './certificate.ts';
import { ISSUER_V1, ISSUER_V2, RFC822_NAME, URI } from '../fulcio-oids.ts';

const ALTERNATIVE_NAME = '2.5.29.17';
const UTF8_STRING = 0x0c;

/** Whom a certificate is for. */
export interface Identity {
  /** Its one subject alternative name: a URI or an e-mail address. */
  readonly san: string;
  /** URL of the issuer of the token that it was given for. */
  readonly issuer: string;
}

/** Whether a certificate is for this subject by this token issuer: byte for byte, and nobody else's beside. */
export function isFor(certificate: Certificate, { san, issuer }: Identity): boolean {
  const older = certificate.extensions.get(ISSUER_V1)?.value.value;
  const expected = Buffer.from(issuer, 'utf8');
  return (
    nameIn(certificate)?.equals(Buffer.from(san, 'utf8')) === true &&
    issuerIn(certificate)?.equals(expected) === true &&
    (older === undefined || older.equals(expected))
  );
}

/** Of several names one could be another's. */
function nameIn({ extensions }: Certificate): Buffer | undefined {
  const name = onlyIn(onlyIn(extensions.get(ALTERNATIVE_NAME)?.value));
  const isKnown =
    name?.tag.isContextSpecific(URI) === true || name?.tag.isContextSpecific(RFC822_NAME) === true;
  return isKnown ? name.value : undefined;
}

function issuerIn({ extensions }: Certificate): Buffer | undefined {
  const text = onlyIn(extensions.get(ISSUER_V2)?.value);
  return text?.tag.toDER() === UTF8_STRING ? text.value : undefined;
}

function onlyIn(value: ASN1Obj | undefined): ASN1Obj | undefined {
  return value?.subs.length === 1 ? value.subs[0] : undefined;
}

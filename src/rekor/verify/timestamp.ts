import { hash, verify } from 'node:crypto';
import type { TrustedAuthority } from '../sigstore-trust.ts';
import { isCriticalPurpose, purposesOf } from './certificate.ts';
import { allowsDepth, anchor, type Anchored } from './chain.ts';
import { readTimestampToken, type TimestampToken } from './timestamp-token.ts';
import { isWithin } from './window.ts';

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

/**
 * When a signature (base64) was made, in milliseconds since the epoch, as a trusted authority says in a TimeStampResp
 * (base64). Throws TypeError for any other timestamp.
 */
export type TimestampCheck = (timestamp: string, signature: string) => number;

/** Verifies RFC 3161 timestamps; the chains of the authorities are verified once. */
export function makeTimestampCheck(authorities: readonly TrustedAuthority[]): TimestampCheck {
  const trusted = authorities.flatMap(toSigner);
  return (timestamp, signature) => {
    const token = readTimestampToken(timestamp);
    assertContent(token, Buffer.from(signature, 'base64'));
    if (!trusted.some((authority) => isSignedBy(token, authority))) {
      throw new TypeError('no authority that was trusted then has signed the timestamp');
    }
    return token.time;
  };
}

interface TrustedSigner extends Anchored {
  readonly certificates: ReadonlySet<string>;
}

/** In a trusted root the first certificate of an authority is the one that signs timestamps (RFC 3161 section 2.3). */
function toSigner(authority: TrustedAuthority): readonly TrustedSigner[] {
  const anchored = anchor(authority, TIME_STAMPING);
  if (anchored === undefined) return [];
  const [signer, ...issuers] = anchored.chain;
  const purposes = purposesOf(signer);
  if (purposes?.length !== 1 || !purposes.includes(TIME_STAMPING) || !isCriticalPurpose(signer)) return [];
  if (issuers.length === 0 || !allowsDepth(issuers)) return [];
  return [{ ...anchored, certificates: new Set(anchored.chain.map(({ der }) => der)) }];
}

function assertContent({ imprint, content, contentDigest }: TimestampToken, signature: Buffer): void {
  if (!hash(imprint.algorithm, signature, 'buffer').equals(imprint.hash)) {
    throw new TypeError('the timestamp is over something else');
  }
  if (!hash(contentDigest.algorithm, content, 'buffer').equals(contentDigest.hash)) {
    throw new TypeError('the signer of the timestamp has signed another one');
  }
}

function isSignedBy(token: TimestampToken, { chain, window, certificates }: TrustedSigner): boolean {
  const [{ asn1, key }] = chain;
  return (
    asn1.issuer.equals(token.signer.issuer) &&
    asn1.serialNumber.equals(token.signer.serialNumber) &&
    isWithin(window, token.time) &&
    // nobody signs these, so nothing may hide among them
    token.certificates.every((der) => certificates.has(der)) &&
    new Set(token.certificates).size === token.certificates.length &&
    key.asymmetricKeyType === 'ec' &&
    verify(token.signature.algorithm, token.signedAttributes, key, token.signature.value)
  );
}

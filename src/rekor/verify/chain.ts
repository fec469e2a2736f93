import type { TrustedAuthority } from '../sigstore-trust.ts';
import { isIssuedBy, isUnderstood, purposesOf, readCertificate, type Certificate } from './certificate.ts';
import { lifetimeOf, overlap, windowOf, type Window } from './window.ts';

const ANY_PURPOSE = '2.5.29.37.0';

/** A way from a certificate up to a trust anchor, and when each step of it is valid. */
export interface Chained {
  readonly issuer: Certificate;
  readonly window: Window;
}

/** An authority whose certificates hold together; the first one issues. */
export interface Anchored {
  readonly chain: readonly [Certificate, ...Certificate[]];
  readonly window: Window;
}

/**
 * The authority if each of its certificates is issued by the next one, up to the last, which is the trust anchor
 * (protobuf-specs, sigstore_trustroot.proto: CertificateAuthority); undefined if not, so nobody chains to it.
 * `purpose`: OID of the extended key usage that it must be good for.
 */
export function anchor({ certChain, validFor }: TrustedAuthority, purpose: string): Anchored | undefined {
  const [first, ...rest] = certChain.certificates.map(({ rawBytes }) => readCertificate(rawBytes));
  if (first === undefined) return undefined;
  const chain = [first, ...rest] as const;
  const holds = chain.every((certificate, at) => {
    const issuer = chain[at + 1];
    return (issuer === undefined || isIssuedBy(certificate, issuer)) && isGoodFor(certificate, purpose);
  });
  if (!holds) return undefined;
  return { chain: [first, ...rest], window: overlap([windowOf(validFor), ...chain.map(lifetimeOf)]) };
}

/** The ways from a certificate to these authorities: RFC 5280 section 6.1 without names, policies and revocation. */
export function chainsTo(certificate: Certificate, authorities: readonly Anchored[]): readonly Chained[] {
  return authorities.flatMap(({ chain, window }) => {
    const [issuer] = chain;
    if (!isIssuedBy(certificate, issuer) || !allowsDepth(chain)) return [];
    return [{ issuer, window: overlap([window, lifetimeOf(certificate)]) }];
  });
}

/** Whether those that limit how many CAs may stand below them have no more than that below them. */
export function allowsDepth(chain: readonly Certificate[]): boolean {
  return chain.every(({ asn1 }, below) => {
    const limit = asn1.extBasicConstraints?.pathLenConstraint;
    return limit === undefined || limit >= below;
  });
}

function isGoodFor(certificate: Certificate, purpose: string): boolean {
  const purposes = purposesOf(certificate);
  const isMeant = purposes === undefined || purposes.includes(purpose) || purposes.includes(ANY_PURPOSE);
  return isMeant && isUnderstood(certificate);
}

import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { AppError } from '../../errors/app-error.ts';
import type { SigstoreTrust } from '../sigstore-trust.ts';
import { isUnderstood, purposesOf, readCertificate, type Certificate } from './certificate.ts';
import { anchor, chainsTo } from './chain.ts';
import { isFor, type Identity } from './identity.ts';
import { makeSctCheck } from './sct.ts';
import { isWithin, type Window } from './window.ts';

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** A signer takes a new certificate every few minutes; each takes some 10 kB here. */
const MAX_KNOWN = 500;
const MAX_REFUSED = 100;

/** A certificate of ours: its key, and when what that key signed counts. */
export interface CertifiedSigner {
  readonly key: KeyObject;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Whether it, and every certificate above it, is valid then; milliseconds since the epoch. */
  isValidAt(time: number): boolean;
}

/** The certificates whose signatures count as ours. */
export interface AcceptedIdentities {
  readonly identities: readonly Identity[];
  /**
   * By certificate, DER in base64: issued by a trusted CA to one of our identities, promised to a trusted CT log where
   * there are such. What does not depend on the time is checked once for each. Throws IDENTITY_MISMATCH, RECORD_INVALID.
   */
  signerOf(der: string): CertifiedSigner;
}

interface Refusal {
  readonly code: 'IDENTITY_MISMATCH' | 'RECORD_INVALID';
  readonly why: string;
}

export function makeAcceptedIdentities(
  identities: readonly Identity[],
  sigstore: SigstoreTrust | undefined,
): AcceptedIdentities {
  const known = new LRUCache<string, CertifiedSigner>({ max: MAX_KNOWN });
  // apart, so that a flood of foreign certificates does not wash away our own
  const refused = new LRUCache<string, Refusal>({ max: MAX_REFUSED });
  const judge = makeJudge(identities, sigstore);

  return {
    identities,
    signerOf(der) {
      const signer = known.get(der);
      if (signer !== undefined) return signer;
      const judged = refused.get(der) ?? judge(der);
      if ('why' in judged) {
        refused.set(der, judged);
        throw refusal(judged);
      }
      known.set(der, judged);
      return judged;
    },
  };
}

/** Everything about a certificate that holds at all times, or the reason why it is not ours. */
function makeJudge(
  identities: readonly Identity[],
  sigstore: SigstoreTrust | undefined,
): (der: string) => CertifiedSigner | Refusal {
  const authorities = (sigstore?.certificateAuthorities ?? []).flatMap(
    (authority) => anchor(authority, CODE_SIGNING) ?? [],
  );
  const isPromised = makeSctCheck(sigstore?.ctlogs ?? []);

  function judge(certificate: Certificate): CertifiedSigner | Refusal {
    if (!identities.some((identity) => isFor(certificate, identity))) return mismatch('is for somebody else');
    const unusable = whyUnusable(certificate);
    if (unusable !== undefined) return mismatch(unusable);
    const ways = chainsTo(certificate, authorities);
    if (ways.length === 0) return mismatch('was issued by no trusted CA');
    const promised = ways.filter(({ issuer }) => isPromised(certificate, issuer));
    if (promised.length === 0) return mismatch('was promised to no trusted CT log');
    const { key, notBefore } = certificate;
    return { key, notBefore, isValidAt: anyOf(promised.map(({ window }) => window)) };
  }

  return (der) => {
    try {
      return judge(readCertificate(der));
    } catch {
      // kept as a refusal: which of the parsers stumbled over what helps nobody
      return { code: 'RECORD_INVALID', why: 'cannot be read' };
    }
  };
}

function anyOf(windows: readonly Window[]): (time: number) => boolean {
  return (time) => windows.some((window) => isWithin(window, time));
}

/** A leaf as Fulcio makes it (its certificate-specification.md): for signing code, with a P-256 key. */
function whyUnusable(certificate: Certificate): string | undefined {
  const { asn1, key } = certificate;
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return 'has no key on curve P-256';
  if (purposesOf(certificate)?.includes(CODE_SIGNING) !== true) return 'is not for signing code';
  if (mayIssue(certificate)) return 'is for issuing others';
  if (asn1.extKeyUsage?.digitalSignature === false) return 'is not for signing';
  return isUnderstood(certificate) ? undefined : 'has a critical extension that is not known here';
}

function mayIssue({ asn1, openssl }: Certificate): boolean {
  return openssl.ca || asn1.extBasicConstraints?.isCA === true;
}

function mismatch(why: string): Refusal {
  return { code: 'IDENTITY_MISMATCH', why };
}

function refusal({ code, why }: Refusal): AppError {
  const todo =
    code === 'RECORD_INVALID'
      ? 'restore the record, or have it made anew'
      : 'compare signer.identity, signer.issuer and the trusted root with the record';
  return new AppError({ code, message: `cannot accept the record: its certificate ${why}; ${todo}` });
}

import { verify, type KeyObject } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';
import type { SignatureVerifier, SignedStatement } from '../ledger/evidence.ts';
import { makeAcceptedKeys } from './accepted-keys.ts';
import type { SigstoreTrust } from './sigstore-trust.ts';
import { makeAcceptedIdentities, type CertifiedSigner } from './verify/accepted-identities.ts';
import type { Identity } from './verify/identity.ts';

/** Whose signatures are ours: by key, or by certificate. */
export interface AcceptedSigner {
  readonly key: KeyObject;
  /** Absent for a key, which counts at all times. */
  readonly certified?: CertifiedSigner;
}

export interface AcceptedSigners {
  /** Throws IDENTITY_MISMATCH for a foreign signer, RECORD_INVALID for a certificate that cannot be read. */
  signerOf(verifier: SignatureVerifier): AcceptedSigner;
  /** Throws RECORD_INVALID, too, for a signature that does not fit its statement. */
  verifySignature(signed: SignedStatement): AcceptedSigner;
}

export interface SignerTrust {
  readonly keys: readonly string[];
  readonly identities: readonly Identity[];
  readonly sigstore?: SigstoreTrust;
}

/** Throws KEY_INVALID. */
export function makeAcceptedSigners(trust: SignerTrust): AcceptedSigners {
  const keys = makeAcceptedKeys(trust.keys);
  const certificates = makeAcceptedIdentities(trust.identities, trust.sigstore);

  function signerOf(verifier: SignatureVerifier): AcceptedSigner {
    if (verifier.kind === 'publicKey') {
      const key = keys.get(verifier.spki);
      if (key === undefined) throw foreignSigner('a key');
      return { key };
    }
    if (trust.identities.length === 0) throw foreignSigner('a certificate');
    const certified = certificates.signerOf(verifier.der);
    return { key: certified.key, certified };
  }

  return {
    signerOf,
    verifySignature(signed) {
      const signer = signerOf(signed.verifier);
      if (!isSignedWith(signer.key, signed)) throw badSignature();
      return signer;
    },
  };
}

function isSignedWith(key: KeyObject, { statement, signature }: SignedStatement): boolean {
  const bytes = Buffer.from(signature, 'base64');
  // base64 has more than one spelling of some bytes, and a record only one
  return (
    bytes.toString('base64') === signature && verify('sha256', Buffer.from(statement, 'utf8'), key, bytes)
  );
}

function badSignature(): AppError {
  const message =
    'cannot accept the record: its signature does not fit its statement; restore the record, or have it made anew';
  return new AppError({ code: 'RECORD_INVALID', message });
}

function foreignSigner(what: string): AppError {
  const message = `cannot accept the record: it is signed by ${what} that is not ours; restore the signing key that made it, or the record`;
  return new AppError({ code: 'IDENTITY_MISMATCH', message });
}

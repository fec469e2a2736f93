import { AppError } from '../errors/app-error.ts';
import type { LeafVerifier } from '../protocol/ports.ts';
import { makeAcceptedSigners, type SignerTrust } from './accepted-signers.ts';
import type { EntryParts, LogKind } from './entry.ts';
import { readLeaf } from './own-leaf.ts';
import { keyOf, verifiesDigest } from './p256.ts';

/**
 * Whether a leaf is by one of these signers, without its statement: the signature is verified over the digest in it, a
 * certificate as of its issue. Throws KEY_INVALID.
 */
export function makeLeafVerifier(kind: LogKind, trust: SignerTrust): LeafVerifier {
  const signers = makeAcceptedSigners(trust);
  return {
    async ownLeaf(body) {
      const parts = readLeaf(kind, body);
      if (parts === undefined || !isOurs(parts) || !isSigned(parts)) return undefined;
      const { digest, verifier } = parts;
      return { statementDigest: Buffer.from(digest, 'base64').toString('hex'), verifier };
    },
  };

  function isOurs({ verifier }: EntryParts): boolean {
    try {
      const { certified } = signers.signerOf(verifier);
      return certified === undefined || certified.isValidAt(certified.notBefore);
    } catch (error) {
      // refused by name: a stranger's
      if (error instanceof AppError) return false;
      throw error;
    }
  }
}

function isSigned({ digest, signature, verifier }: EntryParts): boolean {
  try {
    return verifiesDigest(keyOf(verifier), Buffer.from(digest, 'base64'), signature);
  } catch {
    // a signature that cannot even be decoded is by nobody
    return false;
  }
}

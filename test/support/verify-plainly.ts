import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { createPublicKey } from 'node:crypto';

export interface PlainEvidence {
  readonly statement: Buffer;
  readonly bundle: string;
  readonly trustedRoot: string;
  /** PEM. */
  readonly publicKey?: string;
  readonly identity?: { readonly san: string; readonly issuer: string };
}

/** By @sigstore/verify as it comes, with a trusted root as `tagseal verify --save` writes it. Throws what that throws. */
export function verifyPlainly({ statement, bundle, trustedRoot, publicKey, identity }: PlainEvidence): void {
  const root = TrustedRoot.fromJSON(JSON.parse(trustedRoot));
  const material = toTrustMaterial(root, () => {
    if (publicKey === undefined) throw new Error('the bundle names a key');
    return { publicKey: createPublicKey(publicKey), validFor: () => true };
  });
  const timestamps = identity === undefined ? 0 : 1;
  new Verifier(material, { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: timestamps }).verify(
    toSignedEntity(bundleFromJSON(JSON.parse(bundle)), statement),
    identity && {
      subjectAlternativeName: `^${identity.san.replaceAll(/[^a-zA-Z0-9]/g, (c) => `\\${c}`)}$`,
      extensions: { issuer: identity.issuer },
    },
  );
}

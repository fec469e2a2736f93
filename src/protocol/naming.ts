import { bindingSalt, blindedClaimId, plainClaimId } from '../ledger/claim-id.ts';
import type { Privacy } from '../ledger/record.ts';
import { bindingStatement, claimStatement } from '../ledger/statement.ts';
import type { Digest } from '../reference/digest.ts';
import { PUBLIC_REGISTRIES } from '../reference/public-registries.ts';
import type { TagReference } from '../reference/reference.ts';

export interface NamingSettings {
  readonly scope: string;
  readonly privacy: 'auto' | Privacy;
  /** The deployment's secret of 32 bytes. */
  readonly blindingKey: Uint8Array;
}

/** How the tags of one deployment are named in the log (DESIGN section 2). */
export interface Naming {
  readonly scope: string;
  readonly blindingKey: Uint8Array;
  privacyOf(reference: TagReference): Privacy;
  /** How the tag is named now, then how it would be named under another setting. */
  privacies(reference: TagReference): readonly [Privacy, Privacy];
  claimId(reference: TagReference, privacy: Privacy): string;
  /** Of generation 0. */
  statements(
    reference: TagReference,
    digest: Digest,
    privacy: Privacy,
  ): { readonly claim: string; readonly binding: string };
}

export function makeNaming({ scope, privacy, blindingKey }: NamingSettings): Naming {
  function privacyOf(reference: TagReference): Privacy {
    if (privacy !== 'auto') return privacy;
    // a blinded name would hide nothing there, and cost outsiders the look-up
    return PUBLIC_REGISTRIES.has(reference.registry) ? 'plain' : 'blinded';
  }

  function claimId(reference: TagReference, how: Privacy): string {
    return how === 'plain'
      ? plainClaimId(scope, reference.canonical)
      : blindedClaimId(blindingKey, scope, reference.canonical);
  }

  return {
    scope,
    blindingKey,
    privacyOf,
    privacies: (reference) =>
      privacyOf(reference) === 'plain' ? ['plain', 'blinded'] : ['blinded', 'plain'],
    claimId,
    statements(reference, digest, how) {
      const id = claimId(reference, how);
      const name = reference.canonical;
      const salt = how === 'blinded' ? { salt: bindingSalt(blindingKey, scope, name, digest) } : {};
      return {
        claim: claimStatement({ scope, claimId: id }),
        binding: bindingStatement({ reference: name, digest, scope, claimId: id, generation: 0, ...salt }),
      };
    },
  };
}

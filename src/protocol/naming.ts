import { bindingSalt, blindedClaimId, plainClaimId } from '../ledger/claim-id.ts';
import type { Privacy } from '../ledger/record.ts';
import { bindingStatement, claimStatement } from '../ledger/statement.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';

/** Registries whose names everybody knows: here a blinded name would hide nothing and cost outsiders the look-up. */
const PUBLIC_REGISTRIES: ReadonlySet<string> = new Set([
  'docker.io',
  'ghcr.io',
  'quay.io',
  'registry.k8s.io',
  'gcr.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
  'registry.access.redhat.com',
  'docker.elastic.co',
  'nvcr.io',
  'cgr.dev',
]);

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
  claimId(reference: TagReference): string;
  statements(
    reference: TagReference,
    digest: Digest,
    generation: number,
  ): { readonly claim: string; readonly binding: string };
}

export function makeNaming({ scope, privacy, blindingKey }: NamingSettings): Naming {
  function privacyOf(reference: TagReference): Privacy {
    if (privacy !== 'auto') return privacy;
    return PUBLIC_REGISTRIES.has(reference.registry) ? 'plain' : 'blinded';
  }

  function claimId(reference: TagReference): string {
    return privacyOf(reference) === 'plain'
      ? plainClaimId(scope, reference.canonical)
      : blindedClaimId(blindingKey, scope, reference.canonical);
  }

  return {
    scope,
    blindingKey,
    privacyOf,
    claimId,
    statements(reference, digest, generation) {
      const id = claimId(reference);
      const name = reference.canonical;
      const salt =
        privacyOf(reference) === 'blinded' ? { salt: bindingSalt(blindingKey, scope, name, digest) } : {};
      return {
        claim: claimStatement({ scope, claimId: id }),
        binding: bindingStatement({ reference: name, digest, scope, claimId: id, generation, ...salt }),
      };
    },
  };
}

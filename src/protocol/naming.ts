import { bindingSalt, blindedClaimId, plainClaimId } from '../ledger/claim-id.ts';
import type { Privacy } from '../ledger/record.ts';
import type { BlindingKey } from '../ledger/tag-record.ts';
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

/** What a reader of records must know of it. */
export interface RecordNaming {
  readonly scope: string;
  readonly blindingKey: BlindingKey;
  /** How the tag is named now, then how it would be named under another setting. */
  privacies(reference: TagReference): readonly [Privacy, Privacy];
  /** Undefined where only who has the key knows it. */
  claimId(reference: TagReference, privacy: Privacy): string | undefined;
}

/** How the tags of one deployment are named in the log (DESIGN section 2). */
export interface Naming extends RecordNaming {
  readonly blindingKey: Uint8Array;
  privacyOf(reference: TagReference): Privacy;
  claimId(reference: TagReference, privacy: Privacy): string;
  /** The claim on a generation; 0 is the first sight. */
  claim(reference: TagReference, privacy: Privacy, generation: number): string;
  statements(
    reference: TagReference,
    digest: Digest,
    privacy: Privacy,
    generation: number,
  ): { readonly claim: string; readonly binding: string };
}

/** Of who has not the blinding key: private names are believed to the signer of their binding. */
export function makeReaderNaming({ scope, privacy }: Omit<NamingSettings, 'blindingKey'>): RecordNaming {
  return {
    scope,
    blindingKey: 'unknown',
    privacies: (reference) => bothPrivacies(privacyUnder(privacy, reference)),
    claimId: (reference, how) => (how === 'plain' ? plainClaimId(scope, reference.canonical) : undefined),
  };
}

function privacyUnder(setting: NamingSettings['privacy'], { registry }: TagReference): Privacy {
  if (setting !== 'auto') return setting;
  // a blinded name would hide nothing there, and cost outsiders the look-up
  return PUBLIC_REGISTRIES.has(registry) ? 'plain' : 'blinded';
}

function bothPrivacies(now: Privacy): readonly [Privacy, Privacy] {
  return now === 'plain' ? ['plain', 'blinded'] : ['blinded', 'plain'];
}

export function makeNaming({ scope, privacy, blindingKey }: NamingSettings): Naming {
  const privacyOf = (reference: TagReference) => privacyUnder(privacy, reference);

  function claimId(reference: TagReference, how: Privacy): string {
    return how === 'plain'
      ? plainClaimId(scope, reference.canonical)
      : blindedClaimId(blindingKey, scope, reference.canonical);
  }

  function claim(reference: TagReference, how: Privacy, generation: number): string {
    return claimStatement({ scope, claimId: claimId(reference, how), generation });
  }

  return {
    scope,
    blindingKey,
    privacyOf,
    privacies: (reference) => bothPrivacies(privacyOf(reference)),
    claimId,
    claim,
    statements(reference, digest, how, generation) {
      const name = reference.canonical;
      const salt = how === 'blinded' ? { salt: bindingSalt(blindingKey, scope, name, digest) } : {};
      const said = { reference: name, digest, scope, claimId: claimId(reference, how), generation, ...salt };
      return { claim: claim(reference, how, generation), binding: bindingStatement(said) };
    },
  };
}

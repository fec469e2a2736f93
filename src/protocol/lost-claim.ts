import type { TagReference } from '../reference/reference.ts';

/** Why a tag is lost: one cause of many, and the same to who asks. */
export const UNBOUND = 'the log holds a claim of it that binds no digest known here';

/** The ways out, the one that needs no trust in a person first. */
export function lostAdvice({ canonical }: Pick<TagReference, 'canonical'>): string {
  return (
    `restore it from a backup, or with the digest that it had: tagseal restore ${canonical}@sha256:..., or, where nobody ` +
    `knows that, accept the one that it has now: tagseal accept ${canonical}@sha256:... --reason "..."`
  );
}

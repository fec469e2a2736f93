import { AppError } from '../errors/app-error.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { TagInLog } from './tag-in-log.ts';

/** Why a tag is lost: one cause of many, and the same to who asks. */
export const UNBOUND = 'the log holds a claim of it that binds no digest known here';

/** The ways out, the one that needs no trust in a person first. */
export function lostAdvice({ canonical }: Pick<TagReference, 'canonical'>): string {
  return (
    `restore it from a backup, or with the digest that it had: tagseal restore ${canonical}@sha256:..., or, where nobody ` +
    `knows that, accept the one that it has now: tagseal accept ${canonical}@sha256:... --reason "..."`
  );
}

/** RECORD_LOST for a tag whose newest generation the log does not bind to the wanted digest. */
export function lost(
  { reference, digest }: { readonly reference: TagReference; readonly digest: Digest },
  { generation, claim }: TagInLog,
): AppError {
  return new AppError({
    code: 'RECORD_LOST',
    message:
      `${reference.canonical} was recorded before, and not as ${digest}, as far as can be told: ${UNBOUND} (generation ` +
      `${generation}, log index ${claim.index}); ${lostAdvice(reference)}`,
  });
}

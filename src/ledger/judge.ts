import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';

export type Judgement =
  /** The tag means the recorded digest, as far as anybody has looked. */
  | { readonly kind: 'same'; readonly digest: Digest }
  /** Nothing is recorded, and the registry names this digest. */
  | { readonly kind: 'first'; readonly digest: Digest }
  | { readonly kind: 'moved'; readonly recorded: Digest; readonly current: Digest }
  /** Neither record nor registry says what the tag means. */
  | { readonly kind: 'unknown' }
  /** The image text pairs the tag with `wanted`, and the tag means `means`. */
  | { readonly kind: 'pairMismatch'; readonly wanted: Digest; readonly means: Digest };

/**
 * Compares what the image text says, what the registry serves now and what is recorded; `undefined` = not known.
 * Pure and total. A wrong pair comes before a moved tag: no rule may replace a digest that a person wrote.
 */
export function judge(
  reference: TagReference,
  current: Digest | undefined,
  recorded: Digest | undefined,
): Judgement {
  const wanted = reference.digest;
  const means = recorded ?? current;
  if (means === undefined) return { kind: 'unknown' };
  if (wanted !== undefined && wanted !== means) return { kind: 'pairMismatch', wanted, means };
  if (recorded === undefined) return { kind: 'first', digest: means };
  // who writes the recorded digest gets it, wherever the tag points now: that is what a refusal advises to do
  if (wanted === undefined && current !== undefined && current !== recorded)
    return { kind: 'moved', recorded, current };
  return { kind: 'same', digest: recorded };
}

import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';

/** An argument that must name a tag. Throws REFERENCE_INVALID. */
export function parseTagArgument(text: string): TagReference {
  const reference = parseReference(text);
  if (isTagReference(reference)) return reference;
  throw new AppError({
    code: 'REFERENCE_INVALID',
    message: `image ${quote(text)} names no tag: a digest means itself and has no record; write a tag`,
  });
}

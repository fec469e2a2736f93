import { refuse } from './refuse.ts';

/** Of `registry/repository` in the canonical form (distribution/reference NameTotalLengthMax). */
export const MAX_NAME_LENGTH = 255;
const MAX_TAG_LENGTH = 128;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const DIGEST_DERIVED_TAG = /^sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/;

/** The path of a repository, for example `library/alpine`, checked and unchanged. Throws REFERENCE_INVALID. */
export function parseRepositoryPath(text: string): string {
  if (text.length > MAX_NAME_LENGTH) {
    throw refuse('repository', text, `it is longer than ${MAX_NAME_LENGTH} characters; use a shorter name`);
  }
  for (const component of text.split('/')) {
    if (!COMPONENT.test(component)) throw refuse('repository', text, reasonAgainst(component));
  }
  return text;
}

function reasonAgainst(component: string): string {
  if (component === '') return 'one of its components is empty; write single slashes, and none at either end';
  if (component.toLowerCase() !== component && COMPONENT.test(component.toLowerCase())) {
    return 'it holds upper-case letters; write it in lower case';
  }
  if (/^[a-z0-9._-]*$/.test(component)) {
    return 'separators stand inside a component only, as one ".", one or two "_", or any number of "-"; remove the others';
  }
  return 'a component holds a-z, 0-9, ".", "_" and "-" only; remove the other characters';
}

/** The tag, checked and unchanged. Throws REFERENCE_INVALID. */
export function parseTag(text: string): string {
  if (text === '') throw refuse('tag', text, 'it is empty; write a tag after the colon, or drop the colon');
  if (text.length > MAX_TAG_LENGTH) {
    throw refuse('tag', text, `it is longer than ${MAX_TAG_LENGTH} characters; use a shorter tag`);
  }
  if (!TAG.test(text)) {
    throw refuse(
      'tag',
      text,
      'a tag holds letters, digits, "_", "." and "-" only, and starts with none of the last two; remove the others',
    );
  }
  return text;
}

/** `sha256-<64 hex>`, optionally `.sig`, `.att` or `.sbom`: cosign and the OCI referrers fallback move them by design. */
export function isDigestDerivedTag(tag: string): boolean {
  return DIGEST_DERIVED_TAG.test(tag);
}

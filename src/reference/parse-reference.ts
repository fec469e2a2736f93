import type { Digest } from './digest.ts';
import { parseDigest } from './parse-digest.ts';
import { refuse } from './refuse.ts';
import type { Reference, TagReference } from './reference.ts';
import { DOCKER_HUB, looksLikeRegistry, parseRegistry } from './registry-name.ts';
import { MAX_NAME_LENGTH, parseRepositoryPath, parseTag } from './repository-name.ts';

// one canonicalizer serves route, ledger, policy and token scope: the parts are checked here too
export { parseRegistry } from './registry-name.ts';
export { isDigestDerivedTag, parseRepositoryPath, parseTag } from './repository-name.ts';

/** Longer than any legal text: name, tag and a sha512 digest with their separators. */
const MAX_TEXT_LENGTH = 1024;
const DEFAULT_TAG = 'latest';
const HUB_LIBRARY = 'library/';

/** The parts of an image text as typed. */
interface Parts {
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

/**
 * Reads an image text by the grammar of distribution/reference and folds it into its canonical form. A text with neither
 * tag nor digest means `latest`. The result is a TagReference when it has a tag. Throws REFERENCE_INVALID.
 */
export function parseReference(text: string): Reference | TagReference {
  checkText(text);
  const parts = split(text);
  const { registry, repository } = parseName(text, parts.name);
  const digest = parts.digest === undefined ? undefined : parseDigest(parts.digest);
  const base = { text, registry, repository, ...(digest === undefined ? {} : { digest }) };
  if (parts.tag === undefined && digest !== undefined) return base;
  const tag = parts.tag === undefined ? DEFAULT_TAG : parseTag(parts.tag);
  return { ...base, tag, canonical: `${registry}/${repository}:${tag}` };
}

/** Whether the reference names a tag, and so can be recorded. */
export function isTagReference(reference: Reference): reference is TagReference {
  return reference.tag !== undefined && 'canonical' in reference;
}

/** `registry/repository[:tag][@digest]`, all of it canonical; parses back to the same reference. */
export function canonicalText(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${suffix(':', tag)}${suffix('@', digest)}`;
}

/**
 * The image text as typed, pinned to `digest`: `alpine:3.16` gives `alpine:3.16@sha256:…`, or `alpine@sha256:…` with
 * rewrite `digest`. An implied tag is written out, since a digest beside a bare name would lose it.
 */
export function pinnedText(reference: Reference, digest: Digest, rewrite: 'tagDigest' | 'digest'): string {
  const { name } = split(reference.text);
  return `${name}${rewrite === 'tagDigest' ? suffix(':', reference.tag) : ''}@${digest}`;
}

function suffix(separator: string, part: string | undefined): string {
  return part === undefined ? '' : separator + part;
}

function checkText(text: string): void {
  if (text === '') throw refuse('image', text, 'it is empty; write an image like "alpine:3.16.0"');
  if (text.length > MAX_TEXT_LENGTH) {
    throw refuse('image', text, `it is longer than ${MAX_TEXT_LENGTH} characters; use a shorter name`);
  }
  if (/[^\x21-\x7e]/.test(text)) {
    throw refuse('image', text, 'it holds a space, a control character or a non-ASCII character; remove it');
  }
  if (text.includes('://')) {
    throw refuse('image', text, 'an image has no URL scheme; write what follows "://"');
  }
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw refuse('image', text, 'it reads as an image ID; write a repository name with a tag or a digest');
  }
}

function split(text: string): Parts {
  const at = text.indexOf('@');
  const nameAndTag = at < 0 ? text : text.slice(0, at);
  const colon = nameAndTag.indexOf(':', nameAndTag.lastIndexOf('/') + 1);
  return {
    name: colon < 0 ? nameAndTag : nameAndTag.slice(0, colon),
    ...(colon < 0 ? {} : { tag: nameAndTag.slice(colon + 1) }),
    ...(at < 0 ? {} : { digest: text.slice(at + 1) }),
  };
}

function parseName(text: string, name: string): Pick<Reference, 'registry' | 'repository'> {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasRegistry = looksLikeRegistry(first);
  const registry = hasRegistry ? parseRegistry(first) : DOCKER_HUB;
  const path = parseRepositoryPath(hasRegistry ? name.slice(slash + 1) : name);
  const repository = registry === DOCKER_HUB && !path.includes('/') ? HUB_LIBRARY + path : path;
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH) {
    throw refuse(
      'image',
      text,
      `registry and repository exceed ${MAX_NAME_LENGTH} characters; use a shorter name`,
    );
  }
  return { registry, repository };
}

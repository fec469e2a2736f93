import picomatch from 'picomatch';
import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { looksLikeRegistry, DOCKER_HUB, parseRegistry } from '../reference/registry-name.ts';
import type { Reference } from '../reference/reference.ts';
import { unusable } from './policy-error.ts';

export type ImageMatcher = (reference: Reference) => boolean;
export type TagMatcher = (tag: string) => boolean;

const MAX_PATTERN_LENGTH = 256;
/** A regular expression with k wildcards in a row takes time n^k; these keep the worst name under a few milliseconds. */
const MAX_WILDCARDS = 3;
const ANYTHING = '**';

const REGISTRY = /^[A-Za-z0-9.:*?-]+$/;
const COMPONENT = /^[a-z0-9._*?-]+$/;
const TAG = /^[A-Za-z0-9._*?-]+$/;
const OPTIONS = { dot: true, noextglob: true, nobrace: true, nonegate: true, windows: false } as const;

/**
 * Compiles an anchored glob on canonical references: `*` and `?` stay within one component, `**` is any number of
 * components. Without `:tag` any tag matches, and a reference by digest too. The registry is folded as in an image text, so
 * `alpine` is `docker.io/library/alpine`. `path` is for messages. Throws POLICY_INVALID.
 */
export function compileImageGlob(pattern: string, path: string): ImageMatcher {
  checkLength(pattern, path);
  const colon = pattern.indexOf(':', pattern.lastIndexOf('/') + 1);
  const name = colon < 0 ? pattern : pattern.slice(0, colon);
  const matchesName = compileName(name, path);
  if (colon < 0) return (reference) => matchesName(nameOf(reference));
  const matchesTag = compileTagGlob(pattern.slice(colon + 1), path);
  return (reference) =>
    reference.tag !== undefined && matchesTag(reference.tag) && matchesName(nameOf(reference));
}

/** Compiles an anchored glob on tags. Throws POLICY_INVALID. */
export function compileTagGlob(pattern: string, path: string): TagMatcher {
  checkLength(pattern, path);
  if (!TAG.test(pattern)) {
    throw unusable(
      path,
      `${quote(pattern)} holds characters that no tag has; use letters, digits, "_.-", "*" and "?"`,
    );
  }
  checkWildcards(pattern, path);
  return picomatch(pattern, OPTIONS);
}

function nameOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

function compileName(name: string, path: string): TagMatcher {
  if (name === ANYTHING) return () => true;
  const { registry, repository } = fold(name, path);
  for (const component of repository) checkComponent(component, name, path);
  if ([registry, ...repository].filter((component) => component === ANYTHING).length > MAX_WILDCARDS) {
    throw unusable(path, `${quote(name)} has "**" more than ${MAX_WILDCARDS} times; use fewer`);
  }
  return picomatch([escape(registry), ...repository].join('/'), OPTIONS);
}

interface FoldedName {
  readonly registry: string;
  readonly repository: readonly string[];
}

function fold(name: string, path: string): FoldedName {
  const components = name.split('/');
  const first = name.slice(0, Math.max(0, name.indexOf('/')));
  const hasRegistry = looksLikeRegistry(first) || first === ANYTHING;
  const registry = hasRegistry ? foldRegistry(first, path) : DOCKER_HUB;
  const repository = hasRegistry ? components.slice(1) : components;
  const [only] = repository;
  const inLibrary = registry === DOCKER_HUB && repository.length === 1 && only !== ANYTHING;
  return { registry, repository: inLibrary ? ['library', ...repository] : repository };
}

function foldRegistry(text: string, path: string): string {
  if (text === ANYTHING) return text;
  if (/[*?]/.test(text)) {
    if (!REGISTRY.test(text)) {
      throw unusable(
        path,
        `${quote(text)} holds characters that no registry has; use a pattern like "*.example.com"`,
      );
    }
    checkWildcards(text, path);
    return text.toLowerCase();
  }
  try {
    return parseRegistry(text);
  } catch (cause) {
    throw unusable(path, toAppError(cause).message, cause);
  }
}

function checkComponent(component: string, name: string, path: string): void {
  if (component === ANYTHING) return;
  if (!COMPONENT.test(component)) {
    throw unusable(
      path,
      `${quote(name)} is no pattern of repositories; use components of a-z, 0-9, "._-", "*" and "?" between single slashes`,
    );
  }
  checkWildcards(component, path);
}

function checkWildcards(component: string, path: string): void {
  if (component.includes(ANYTHING)) {
    throw unusable(path, `"**" in ${quote(component)} is not a whole component of a name; use "*"`);
  }
  if (component.split('*').length - 1 > MAX_WILDCARDS) {
    throw unusable(path, `${quote(component)} has "*" more than ${MAX_WILDCARDS} times; use fewer`);
  }
}

function checkLength(pattern: string, path: string): void {
  if (pattern.length > 0 && pattern.length <= MAX_PATTERN_LENGTH) return;
  throw unusable(
    path,
    `a pattern has 1 to ${MAX_PATTERN_LENGTH} characters; write one like "ghcr.io/acme/**"`,
  );
}

/** The brackets of an IPv6 address are no character class. */
function escape(registry: string): string {
  return registry.replace(/[[\]]/g, '\\$&');
}

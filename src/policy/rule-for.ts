import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { isDigestDerivedTag } from '../reference/parse-reference.ts';
import type { Reference } from '../reference/reference.ts';
import { compileImageGlob, compileTagGlob, type ImageMatcher, type TagMatcher } from './glob.ts';
import { selects, type Labels } from './label-selector.ts';
import { DEFAULT_RULE } from './parse-policy.ts';
import type { Mode, MutableTags, Policy, Rule } from './policy.ts';

interface Pattern<Matcher> {
  readonly text: string;
  readonly matches: Matcher;
}

interface CompiledRule {
  readonly rule: Rule;
  readonly images: readonly Pattern<ImageMatcher>[];
  readonly mutableTags: readonly (Pattern<TagMatcher> & Pick<MutableTags, 'as'>)[];
}

/** A policy whose globs are compiled. */
export interface CompiledPolicy {
  readonly rules: readonly CompiledRule[];
  /** Strict, for what no rule matches. */
  readonly fallback: CompiledRule;
}

/** Which of a rule's patterns decided. */
export interface MatchedBy {
  readonly rule: string;
  readonly image: string;
  /** The pattern among its `mutableTags`, where one matches. */
  readonly tag?: string;
}

export type RuleMatch =
  | {
      readonly kind: 'rule';
      readonly rule: Rule;
      /** The tag is made to move: each move is recorded, none is refused. */
      readonly tracked: boolean;
      readonly by: MatchedBy;
    }
  /** `by` is absent for a tag that no rule can bind. */
  | { readonly kind: 'exempt'; readonly why: string; readonly by?: MatchedBy };

/** Compiles the globs once; the strict rule `default` stands behind all others. Throws POLICY_INVALID. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  return { rules: policy.rules.map(compileRule), fallback: compileRule(DEFAULT_RULE) };
}

/** Where an image is to run. */
export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

export interface RuleAsker {
  /** Absent where there is none: then no rule applies that selects by labels. */
  readonly namespace?: Namespace;
  /** The strictest mode that counts: a rule can be weaker than this, and never stricter. */
  readonly mode?: Mode;
}

/**
 * The first rule whose namespaces and images match, or why none applies: the tag is derived from a digest, the rule is off,
 * or the rule exempts the tag.
 */
export function ruleFor(policy: CompiledPolicy, reference: Reference, asker: RuleAsker = {}): RuleMatch {
  const { tag } = reference;
  if (tag !== undefined && isDigestDerivedTag(tag)) {
    return { kind: 'exempt', why: `tag ${quote(tag)} is derived from a digest` };
  }
  for (const compiled of [...policy.rules, policy.fallback]) {
    if (!isFor(compiled.rule, asker.namespace)) continue;
    const image = compiled.images.find(({ matches }) => matches(reference));
    if (image !== undefined) return applied(compiled, image.text, tag, asker.mode);
  }
  throw new AppError({ code: 'INTERNAL', message: 'the rule behind all others does not match' });
}

function isFor({ namespaceSelector }: Rule, namespace: Namespace | undefined): boolean {
  if (namespaceSelector === undefined || namespaceSelector.requirements.length === 0) return true;
  return namespace !== undefined && selects(namespaceSelector, namespace.labels);
}

/** From the strictest to the weakest. */
const MODES: readonly Mode[] = ['enforce', 'warn', 'audit', 'off'];

function weaker(one: Mode, other: Mode): Mode {
  return MODES.indexOf(one) > MODES.indexOf(other) ? one : other;
}

function applied({ rule, mutableTags }: CompiledRule, image: string, tag?: string, mode?: Mode): RuleMatch {
  const effective = mode === undefined ? rule : { ...rule, mode: weaker(rule.mode, mode) };
  const mutable = tag === undefined ? undefined : mutableTags.find(({ matches }) => matches(tag));
  const by = { rule: rule.name, image, ...(mutable && { tag: mutable.text }) };
  if (effective.mode === 'off') return { kind: 'exempt', why: `rule ${quote(rule.name)} is off`, by };
  if (mutable?.as === 'exempt') {
    return { kind: 'exempt', why: `rule ${quote(rule.name)} exempts tag ${quote(tag ?? '')}`, by };
  }
  return { kind: 'rule', rule: effective, tracked: mutable?.as === 'track', by };
}

function compileRule(rule: Rule): CompiledRule {
  const place = `rule ${rule.name}`;
  return {
    rule,
    images: rule.images.map((text) => ({ text, matches: compileImageGlob(text, place) })),
    mutableTags: rule.mutableTags.flatMap(({ tags, as }) =>
      tags.map((text) => ({ text, as, matches: compileTagGlob(text, place) })),
    ),
  };
}

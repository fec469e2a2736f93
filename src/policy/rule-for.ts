import { isDigestDerivedTag } from '../reference/parse-reference.ts';
import type { Reference } from '../reference/reference.ts';
import { quote } from '../errors/quote.ts';
import { compileImageGlob, compileTagGlob, type ImageMatcher, type TagMatcher } from './glob.ts';
import { DEFAULT_RULE } from './parse-policy.ts';
import type { Mode, Policy, Rule } from './policy.ts';

interface CompiledRule {
  readonly rule: Rule;
  readonly images: readonly ImageMatcher[];
  readonly exemptTags: readonly TagMatcher[];
}

/** A policy whose globs are compiled. */
export interface CompiledPolicy {
  readonly rules: readonly CompiledRule[];
  /** Strict, for what no rule matches. */
  readonly fallback: CompiledRule;
}

export type RuleMatch =
  { readonly kind: 'rule'; readonly rule: Rule } | { readonly kind: 'exempt'; readonly why: string };

/** Compiles the globs once; the strict rule `default` stands behind all others. Throws POLICY_INVALID. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  return { rules: policy.rules.map(compileRule), fallback: compileRule(DEFAULT_RULE) };
}

/**
 * The first rule whose images match, or why none applies: the tag is derived from a digest, the rule is off, or the rule
 * exempts the tag. `mode`, where given, stands in for the mode of the rule.
 */
export function ruleFor(policy: CompiledPolicy, reference: Reference, mode?: Mode): RuleMatch {
  const { tag } = reference;
  if (tag !== undefined && isDigestDerivedTag(tag)) {
    return { kind: 'exempt', why: `tag ${quote(tag)} is derived from a digest` };
  }
  const found = policy.rules.find(({ images }) => images.some((matches) => matches(reference)));
  return applied(found ?? policy.fallback, tag, mode);
}

function applied({ rule, exemptTags }: CompiledRule, tag: string | undefined, mode?: Mode): RuleMatch {
  const effective = mode === undefined ? rule : { ...rule, mode };
  if (effective.mode === 'off') return { kind: 'exempt', why: `rule ${quote(rule.name)} is off` };
  if (tag !== undefined && exemptTags.some((matches) => matches(tag))) {
    return { kind: 'exempt', why: `rule ${quote(rule.name)} exempts tag ${quote(tag)}` };
  }
  return { kind: 'rule', rule: effective };
}

function compileRule(rule: Rule): CompiledRule {
  const place = `rule ${rule.name}`;
  return {
    rule,
    images: rule.images.map((pattern) => compileImageGlob(pattern, place)),
    exemptTags: rule.mutableTags.flatMap(({ tags }) => tags.map((pattern) => compileTagGlob(pattern, place))),
  };
}

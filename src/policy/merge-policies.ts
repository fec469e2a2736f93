import { toAppError, type AppError } from '../errors/app-error.ts';
import { unusable } from './policy-error.ts';
import { parseSpec } from './parse-policy.ts';
import type { Policy, Rule } from './policy.ts';

/** A TagPolicy as far as it matters here; the spec is whatever the API server holds. */
export interface TagPolicySource {
  readonly name: string;
  readonly spec: unknown;
}

/** A TagPolicy that does not count, and a POLICY_INVALID that says why: for its status. */
export interface RefusedPolicy {
  readonly name: string;
  readonly error: AppError;
}

export interface MergedPolicy {
  readonly policy: Policy;
  readonly refused: readonly RefusedPolicy[];
}

const MAX_POLICIES = 100;

/**
 * TagPolicies by priority (higher first), then by name; then the rules of the config. A broken one is left out and told, so
 * that what it may have been meant for meets the rules behind it, and at last the strict default; so is what is beyond the
 * first hundred. Pure.
 */
export function mergePolicies(sources: readonly TagPolicySource[], config: Policy): MergedPolicy {
  const rules: { readonly name: string; readonly rule: Rule }[] = [];
  const refused: RefusedPolicy[] = [];
  for (const { name, spec } of sources) {
    try {
      rules.push({ name, rule: readTagPolicy({ name, spec }) });
    } catch (error) {
      refused.push({ name, error: toAppError(error) });
    }
  }
  rules.sort((one, other) => other.rule.priority - one.rule.priority || byText(one.name, other.name));
  const counted = rules.slice(0, MAX_POLICIES);
  const beyond = rules.slice(MAX_POLICIES).map(({ name }) => ({ name, error: tooMany() }));
  return {
    policy: { rules: [...counted.map(({ rule }) => rule), ...config.rules] },
    refused: [...refused, ...beyond].toSorted((one, other) => byText(one.name, other.name)),
  };
}

/** The rule of one TagPolicy; logs and messages call it `tagpolicy/NAME`, as kubectl does. Throws POLICY_INVALID. */
export function readTagPolicy({ name, spec }: TagPolicySource): Rule {
  return parseSpec(spec, `tagpolicy/${name}`);
}

/** By code units: the same everywhere, whatever the locale. */
function byText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function tooMany(): AppError {
  return unusable(
    'spec.priority',
    `${MAX_POLICIES} policies stand before this one, and no more are read; delete some, or join them in one`,
  );
}

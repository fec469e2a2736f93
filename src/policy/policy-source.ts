import type { LabelSelector } from './label-selector.ts';
import type { Policy, Rule } from './policy.ts';

/** Rules as the setting `policies` has them: `parsePolicy` reads back the same. */
export function policySource({ rules }: Policy): readonly object[] {
  return rules.map(ruleSource);
}

function ruleSource({ images, namespaceSelector, ...rule }: Rule): object {
  const selector = namespaceSelector && { namespaceSelector: selectorSource(namespaceSelector) };
  return { ...rule, match: { images, ...selector } };
}

function selectorSource({ requirements }: LabelSelector): object {
  const matchExpressions = requirements.map(({ values, ...requirement }) =>
    // Exists and DoesNotExist have none
    values.length === 0 ? requirement : { ...requirement, values },
  );
  return { matchExpressions };
}

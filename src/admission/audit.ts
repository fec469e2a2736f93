import type { Verdict } from '../check/verdict.ts';
import type { Mode } from '../policy/policy.ts';
import type { Finding } from './answer.ts';

/** A key has 63 characters at most, `volume-` included. */
const KEY_NAME = /^[a-z0-9][a-z0-9-]{0,55}$/;

/** Characters; a Pod may have a hundred images, and each a rule of its own. */
const MAX_RULES_LENGTH = 1_000;

/**
 * What the cluster's audit log keeps: the decision, the mode of the namespace, the rules that decided, and what each container was pinned to and where
 * that is recorded, or why it was not, by the container's name, since an index changes when a sidecar is injected. A second
 * call must give the same values, so no times and nothing of the text.
 */
export function auditAnnotations(
  decision: 'allow' | 'deny',
  findings: readonly Finding[],
  mode: Mode | undefined,
): ReadonlyMap<string, string> {
  const annotations = new Map<string, string>([['decision', decision]]);
  if (mode !== undefined) annotations.set('mode', mode);
  const rules = new Set(findings.flatMap(({ verdict }) => verdict.rule ?? []));
  if (rules.size > 0) annotations.set('policy', [...rules].join(', ').slice(0, MAX_RULES_LENGTH));
  for (const finding of findings) {
    const { image } = finding;
    const value = KEY_NAME.test(image.name) ? told(finding) : undefined;
    if (value === undefined) continue;
    annotations.set(image.list === 'volumes' ? `volume-${image.name}` : `image-${image.name}`, value);
  }
  return annotations;
}

function told({ verdict, outcome }: Finding): string | undefined {
  switch (verdict.kind) {
    case 'admit':
      return outcome.kind === 'deny' ? outcome.reason : pinned(verdict);
    case 'deny':
    case 'report': {
      const { reason, expected, actual } = verdict.denial;
      return [reason, expected && `recorded ${expected}`, actual && `got ${actual}`]
        .filter(Boolean)
        .join(' ');
    }
    case 'exempt':
    case 'pending':
      return undefined;
  }
}

function pinned({ pin, record }: Extract<Verdict, { kind: 'admit' }>): string | undefined {
  if (record === undefined) return undefined;
  return record.log === undefined ? pin : `${pin} log index ${record.log.index}`;
}

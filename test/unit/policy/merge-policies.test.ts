import { describe, expect, it } from '@jest/globals';
import { mergePolicies } from '../../../src/policy/merge-policies.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy, ruleFor } from '../../../src/policy/rule-for.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';

const match = { images: ['**'] };
const CONFIG = parsePolicy([{ name: 'config', priority: 1000, match }]);

describe('mergePolicies', () => {
  it('orders by priority, then by name, and puts the rules of the config behind them all', () => {
    const { policy, refused } = mergePolicies(
      [
        { name: 'b', spec: { match } },
        { name: 'low', spec: { match, priority: -1 } },
        { name: 'a', spec: { match } },
        { name: 'B', spec: { match } },
        { name: 'high', spec: { match, priority: 7 } },
      ],
      CONFIG,
    );
    expect(policy.rules.map(({ name }) => name)).toEqual([
      'tagpolicy/high',
      'tagpolicy/B',
      'tagpolicy/a',
      'tagpolicy/b',
      'tagpolicy/low',
      'config',
    ]);
    expect(refused).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['no spec', undefined, '"spec"'],
    ['a list', [], '"spec"'],
    ['no match', {}, '"spec.match"'],
    ['a name of its own', { match, name: 'x' }, '"spec.name"'],
    ['a mode that is none', { match, mode: 'wran' }, '"spec.mode"'],
    ['a glob that is none', { match: { images: ['***'] } }, '"spec.match.images[0]"'],
    ['a priority in quotes', { match, priority: '1' }, '"spec.priority"'],
    [
      'a selector that is none',
      { match: { ...match, namespaceSelector: { matchLabels: { a: 1 } } } },
      '"spec.match.namespaceSelector.matchLabels.a"',
    ],
  ])('leaves out a policy with %s, and says so by its name', (_, spec, path) => {
    const { policy, refused } = mergePolicies(
      [
        { name: 'broken', spec },
        { name: 'sound', spec: { match } },
      ],
      CONFIG,
    );
    expect(policy.rules.map(({ name }) => name)).toEqual(['tagpolicy/sound', 'config']);
    expect(refused).toMatchObject([{ name: 'broken', error: { code: 'POLICY_INVALID' } }]);
    expect(refused[0]?.error.message).toContain(path);
  });

  it('leaves the strict default for what a broken policy may have been meant for', () => {
    const { policy } = mergePolicies([{ name: 'broken', spec: { match, mode: 'of' } }], { rules: [] });
    expect(ruleFor(compilePolicy(policy), parseReference('alpine'))).toMatchObject({
      kind: 'rule',
      rule: { name: 'default', mode: 'enforce' },
    });
  });

  it('reads the first hundred by that order, and refuses the rest', () => {
    const sources = Array.from({ length: 103 }, (_, i) => ({
      name: `p${String(i).padStart(3, '0')}`,
      spec: { match, priority: i % 2 },
    }));
    const { policy, refused } = mergePolicies(sources, CONFIG);
    expect(policy.rules).toHaveLength(101);
    expect(refused.map(({ name }) => name)).toEqual(['p098', 'p100', 'p102']);
    expect(refused[0]?.error.code).toBe('POLICY_INVALID');
  });
});

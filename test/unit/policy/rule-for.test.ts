import { describe, expect, it } from '@jest/globals';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy, ruleFor, type RuleMatch } from '../../../src/policy/rule-for.ts';
import type { Mode, Rule } from '../../../src/policy/policy.ts';
import { parseReference } from '../../../src/reference/parse-reference.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const DERIVED = `sha256-${'a'.repeat(64)}`;
const DIGEST = `sha256:${'a'.repeat(64)}`;

const POLICY = compilePolicy(
  parsePolicy([
    { name: 'off', match: { images: ['off.io/**'] }, mode: 'off' },
    {
      name: 'moving',
      match: { images: ['ghcr.io/acme/**'] },
      mutableTags: [
        { tags: ['latest', '*-dev'], as: 'exempt' },
        { tags: ['nightly'], as: 'exempt' },
        { tags: ['edge', 'lat*', 'v?'], as: 'track' },
      ],
    },
    { name: 'first', match: { images: ['a.io/**', 'b.io/**'] }, mode: 'warn' },
    { name: 'second', match: { images: ['a.io/x'] }, mode: 'audit' },
  ]),
);

function outcome(text: string, mode?: Mode): string {
  const match: RuleMatch = ruleFor(POLICY, parseReference(text), mode && { mode });
  return match.kind === 'rule'
    ? `${match.rule.name} ${match.rule.mode}${match.tracked ? ' tracked' : ''}`
    : 'exempt';
}

describe('ruleFor', () => {
  it.each([
    ['alpine', 'default enforce'],
    [`alpine@${DIGEST}`, 'default enforce'],
    ['a.io/x', 'first warn'],
    ['b.io/y:1', 'first warn'],
    ['off.io/x:1', 'exempt'],
    [`off.io/x@${DIGEST}`, 'exempt'],
    ['ghcr.io/acme/api:1', 'moving enforce'],
    ['ghcr.io/acme/api', 'exempt'],
    ['ghcr.io/acme/api:main-dev', 'exempt'],
    ['ghcr.io/acme/api:nightly', 'exempt'],
    [`ghcr.io/acme/api:latest@${DIGEST}`, 'exempt'],
    [`ghcr.io/acme/api@${DIGEST}`, 'moving enforce'],
    ['ghcr.io/acme/api:edge', 'moving enforce tracked'],
    ['ghcr.io/acme/api:v1', 'moving enforce tracked'],
    [`ghcr.io/acme/api:edge@${DIGEST}`, 'moving enforce tracked'],
    ['ghcr.io/acme/api:v1.1', 'moving enforce'],
    ['ghcr.io/acme/api:la', 'moving enforce'],
    ['ghcr.io/acme/api:later', 'moving enforce tracked'],
    ['ghcr.io/other/api', 'default enforce'],
    [`alpine:${DERIVED}`, 'exempt'],
    [`alpine:${DERIVED}.sig`, 'exempt'],
    [`alpine:${DERIVED}x`, 'default enforce'],
  ])('gives %p: %s', (text, expected) => {
    expect(outcome(text)).toBe(expected);
  });

  it.each<[string, Mode, string]>([
    ['alpine', 'enforce', 'default enforce'],
    ['alpine', 'warn', 'default warn'],
    ['alpine', 'audit', 'default audit'],
    ['alpine', 'off', 'exempt'],
    ['a.io/x', 'enforce', 'first warn'],
    ['a.io/x', 'audit', 'first audit'],
    ['off.io/x', 'enforce', 'exempt'],
    ['ghcr.io/acme/api:latest', 'enforce', 'exempt'],
  ])('takes for %p the weaker one of its mode and of %s: %s', (text, mode, expected) => {
    expect(outcome(text, mode)).toBe(expected);
  });

  const namespaced = compilePolicy(
    parsePolicy([
      {
        name: 'prod',
        match: { images: ['**'], namespaceSelector: { matchLabels: { stage: 'prod' } } },
      },
      { name: 'anywhere', match: { images: ['a.io/**'], namespaceSelector: {} } },
      {
        name: 'not-test',
        match: {
          images: ['**'],
          namespaceSelector: { matchExpressions: [{ key: 'stage', operator: 'NotIn', values: ['test'] }] },
        },
      },
    ]),
  );

  it.each<[string, Readonly<Record<string, string>> | undefined, string]>([
    ['a.io/x', { stage: 'prod' }, 'prod'],
    ['a.io/x', { stage: 'test' }, 'anywhere'],
    ['a.io/x', undefined, 'anywhere'],
    ['b.io/x', { stage: 'test' }, 'default'],
    ['b.io/x', {}, 'not-test'],
    ['b.io/x', undefined, 'default'],
  ])('gives for %p in a namespace with the labels %j: %s', (text, labels, rule) => {
    const asker = labels && { namespace: { name: 'shop', labels } };
    expect(ruleFor(namespaced, parseReference(text), asker)).toMatchObject({ rule: { name: rule } });
  });

  it.each([
    ['off.io/x', 'rule "off" is off'],
    ['ghcr.io/acme/api:latest', 'rule "moving" exempts tag "latest"'],
    [`alpine:${DERIVED}`, `tag "${DERIVED}" is derived from a digest`],
  ])('says why %p is exempt', (text, why) => {
    expect(ruleFor(POLICY, parseReference(text))).toMatchObject({ kind: 'exempt', why });
  });

  it.each([
    ['b.io/y:1', { rule: 'first', image: 'b.io/**' }],
    ['alpine', { rule: 'default', image: '**' }],
    ['ghcr.io/acme/api:later', { rule: 'moving', image: 'ghcr.io/acme/**', tag: 'lat*' }],
    ['ghcr.io/acme/api:a-dev', { rule: 'moving', image: 'ghcr.io/acme/**', tag: '*-dev' }],
    ['off.io/x', { rule: 'off', image: 'off.io/**' }],
    [`alpine:${DERIVED}`, undefined],
  ])('names the patterns that decided about %p', (text, by) => {
    expect(ruleFor(POLICY, parseReference(text)).by).toEqual(by);
  });
});

describe('compilePolicy', () => {
  it('enforces strictly where there are no rules', () => {
    const match = ruleFor(compilePolicy({ rules: [] }), parseReference('alpine'));
    expect(match).toMatchObject({
      kind: 'rule',
      rule: { name: 'default', mode: 'enforce', onMoved: 'deny' },
    });
  });

  it('refuses a pattern that came past the parser', async () => {
    const [rule] = parsePolicy([{ match: { images: ['**'] } }]).rules;
    const bad: readonly Rule[] = rule === undefined ? [] : [{ ...rule, images: ['***'] }];
    expect(await codeOf(() => compilePolicy({ rules: bad }))).toBe('POLICY_INVALID');
  });
});

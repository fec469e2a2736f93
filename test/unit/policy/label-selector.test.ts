import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseLabelSelector, selects, type Labels } from '../../../src/policy/label-selector.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const expression = (operator: string, values?: readonly string[], key = 'stage') => ({
  matchExpressions: [{ key, operator, ...(values && { values }) }],
});

describe('a label selector', () => {
  // metav1.LabelSelector: NotIn and DoesNotExist hold where the key is missing
  it.each<[unknown, Labels, boolean]>([
    [{}, {}, true],
    [{}, { stage: 'prod' }, true],
    [{ matchLabels: {}, matchExpressions: [] }, {}, true],
    [{ matchLabels: { stage: 'prod' } }, { stage: 'prod', team: 'a' }, true],
    [{ matchLabels: { stage: 'prod' } }, { stage: 'test' }, false],
    [{ matchLabels: { stage: 'prod' } }, {}, false],
    [{ matchLabels: { stage: '' } }, { stage: '' }, true],
    [{ matchLabels: { stage: 'prod', team: 'a' } }, { stage: 'prod' }, false],
    [expression('In', ['prod', 'canary']), { stage: 'canary' }, true],
    [expression('In', ['prod']), { stage: 'test' }, false],
    [expression('In', ['prod']), {}, false],
    [expression('NotIn', ['prod']), { stage: 'test' }, true],
    [expression('NotIn', ['prod']), { stage: 'prod' }, false],
    [expression('NotIn', ['prod']), {}, true],
    [expression('Exists'), { stage: '' }, true],
    [expression('Exists'), { stages: 'x' }, false],
    [expression('DoesNotExist'), {}, true],
    [expression('DoesNotExist', []), { stage: '' }, false],
    [expression('Exists', undefined, 'constructor'), {}, false],
    [
      { matchLabels: { stage: 'prod' }, ...expression('Exists', undefined, 'team') },
      { stage: 'prod' },
      false,
    ],
    [
      { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      { 'kubernetes.io/metadata.name': 'shop' },
      true,
    ],
  ])('%j takes %j: %s', (selector, labels, expected) => {
    expect(selects(parseLabelSelector(selector, 'match'), labels)).toBe(expected);
  });

  it.each<[string, unknown]>([
    ['match', null],
    ['match', []],
    ['match', 'stage=prod'],
    ['match.matchLabel', { matchLabel: {} }],
    ['match.matchLabels', { matchLabels: ['stage'] }],
    ['match.matchLabels', { matchLabels: { 'a b': 'c' } }],
    ['match.matchLabels', { matchLabels: { 'Upper.io/a': 'c' } }],
    ['match.matchLabels', { matchLabels: { '/a': 'c' } }],
    ['match.matchLabels', { matchLabels: { ['a'.repeat(64)]: 'c' } }],
    ['match.matchLabels.stage', { matchLabels: { stage: true } }],
    ['match.matchLabels.stage', { matchLabels: { stage: '-x' } }],
    ['match.matchLabels.stage', { matchLabels: { stage: 'x'.repeat(64) } }],
    ['match.matchExpressions', { matchExpressions: {} }],
    ['match.matchExpressions[0]', { matchExpressions: ['stage'] }],
    ['match.matchExpressions[0].key', { matchExpressions: [{ operator: 'Exists' }] }],
    ['match.matchExpressions[0].operator', expression('in', ['a'])],
    ['match.matchExpressions[0].operator', expression('Gt', ['1'])],
    ['match.matchExpressions[0].values', expression('In', [])],
    ['match.matchExpressions[0].values', expression('NotIn')],
    ['match.matchExpressions[0].values', expression('Exists', ['a'])],
    ['match.matchExpressions[0].values[1]', expression('In', ['a', 'b c'])],
    ['match.matchExpressions[0].value', { matchExpressions: [{ key: 'a', operator: 'Exists', value: 'a' }] }],
    [
      'match.matchExpressions',
      { matchExpressions: Array.from({ length: 33 }, () => ({ key: 'a', operator: 'Exists' })) },
    ],
  ])('is refused for a bad %s: %j', async (path, value) => {
    expect(await codeOf(() => parseLabelSelector(value, 'match'))).toBe('POLICY_INVALID');
    expect(() => parseLabelSelector(value, 'match')).toThrow(`"${path}"`);
  });

  it('throws nothing but POLICY_INVALID for junk', async () => {
    const key = fc.constantFrom('matchLabels', 'matchExpressions');
    await fc.assert(
      fc.asyncProperty(fc.anything(), key, async (junk, field) => {
        for (const value of [junk, { [field]: junk }, { matchExpressions: [junk] }]) {
          expect([undefined, 'POLICY_INVALID']).toContain(
            await codeOf(() => parseLabelSelector(value, 'match')),
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

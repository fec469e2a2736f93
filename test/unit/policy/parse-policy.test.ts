import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_RULE, parsePolicy, parseRule } from '../../../src/policy/parse-policy.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const ALL = { images: ['**'] };

describe('parsePolicy', () => {
  it('fills in the strict defaults', () => {
    expect(parsePolicy([{ match: ALL }])).toEqual({
      rules: [
        {
          name: 'policies[0]',
          priority: 0,
          images: ['**'],
          mode: 'enforce',
          rewrite: 'tagDigest',
          onMoved: 'deny',
          onUnresolvable: 'pinRecorded',
          recording: 'required',
          onLogUnavailable: 'deny',
          recheck: 'always',
          mutableTags: [],
        },
      ],
    });
  });

  it('keeps every field and the order of the rules', () => {
    const rest = {
      priority: -3,
      mode: 'audit',
      rewrite: 'none',
      onMoved: 'pinRecorded',
      onUnresolvable: 'warn',
      recording: 'deferred',
      onLogUnavailable: 'admitReserved',
      recheck: 'interval',
      mutableTags: [
        { tags: ['latest', '*-dev'], as: 'exempt' },
        { tags: ['edge'], as: 'track' },
      ],
    };
    const { rules } = parsePolicy([
      { name: 'one', match: { images: ['a.io/**', 'b.io/x:1'] }, ...rest },
      { match: ALL },
    ]);
    expect(rules).toEqual([
      { ...DEFAULT_RULE, name: 'policies[1]' },
      { name: 'one', images: ['a.io/**', 'b.io/x:1'], ...rest },
    ]);
  });

  it('puts rules of a higher priority first, and keeps the order of equal ones', () => {
    const priorities = [0, 5, 0, -1, 5, 1_000_000];
    const { rules } = parsePolicy(priorities.map((priority) => ({ match: ALL, priority })));
    expect(rules.map(({ name }) => name)).toEqual([5, 1, 4, 0, 2, 3].map((at) => `policies[${at}]`));
  });

  it('accepts no rules at all', () => {
    expect(parsePolicy([])).toEqual({ rules: [] });
  });

  it('accepts 100 rules of 100 patterns', () => {
    const rule = { match: { images: Array.from({ length: 100 }, () => '**') } };
    expect(parsePolicy(Array.from({ length: 100 }, () => rule)).rules).toHaveLength(100);
  });

  const bad: readonly (readonly [string, unknown])[] = [
    ['policies', undefined],
    ['policies', null],
    ['policies', {}],
    ['policies', 'enforce'],
    ['policies', Array.from({ length: 101 }, () => ({ match: ALL }))],
    ['policies[0]', [null]],
    ['policies[0]', ['**']],
    ['policies[0]', [[]]],
    ['policies[1]', [{ match: ALL }, 1]],
    ['policies[0].match', [{}]],
    ['policies[0].match', [{ match: null }]],
    ['policies[0].match', [{ match: ['**'] }]],
    ['policies[0].match.images', [{ match: {} }]],
    ['policies[0].match.images', [{ match: { images: '**' } }]],
    ['policies[0].match.images', [{ match: { images: [] } }]],
    ['policies[0].match.images', [{ match: { images: Array.from({ length: 101 }, () => '**') } }]],
    ['policies[0].match.images[1]', [{ match: { images: ['**', 1] } }]],
    ['policies[0].match.images[0]', [{ match: { images: ['A'] } }]],
    ['policies[0].match.image', [{ match: { image: ['**'] } }]],
    ['policies[0].name', [{ match: ALL, name: '' }]],
    ['policies[0].name', [{ match: ALL, name: 'a b' }]],
    ['policies[0].name', [{ match: ALL, name: 1 }]],
    ['policies[0].name', [{ match: ALL, name: null }]],
    ['policies[0].name', [{ match: ALL, name: 'x'.repeat(129) }]],
    ['policies[0].mode', [{ match: ALL, mode: 'Enforce' }]],
    ['policies[0].mode', [{ match: ALL, mode: false }]],
    ['policies[0].mode', [{ match: ALL, mode: null }]],
    ['policies[0].rewrite', [{ match: ALL, rewrite: true }]],
    ['policies[0].onMoved', [{ match: ALL, onMoved: 'warn' }]],
    ['policies[0].onUnresolvable', [{ match: ALL, onUnresolvable: 'admit' }]],
    ['policies[0].recording', [{ match: ALL, recording: 'never' }]],
    ['policies[0].onLogUnavailable', [{ match: ALL, onLogUnavailable: 'warn' }]],
    ['policies[0].recheck', [{ match: ALL, recheck: '10s' }]],
    ['policies[0].mutableTags', [{ match: ALL, mutableTags: 'latest' }]],
    ['policies[0].mutableTags', [{ match: ALL, mutableTags: null }]],
    ['policies[0].mutableTags[0]', [{ match: ALL, mutableTags: ['latest'] }]],
    ['policies[0].mutableTags[0].tags', [{ match: ALL, mutableTags: [{ as: 'exempt' }] }]],
    ['policies[0].mutableTags[0].tags[0]', [{ match: ALL, mutableTags: [{ tags: ['a:b'], as: 'exempt' }] }]],
    ['policies[0].mutableTags[0].as', [{ match: ALL, mutableTags: [{ tags: ['latest'] }] }]],
    ['policies[0].mutableTags[0].as', [{ match: ALL, mutableTags: [{ tags: ['latest'], as: 'tracked' }] }]],
    ['policies[0].mutableTags[0].tag', [{ match: ALL, mutableTags: [{ tag: ['latest'], as: 'exempt' }] }]],
    ['policies[0].priority', [{ match: ALL, priority: '1' }]],
    ['policies[0].priority', [{ match: ALL, priority: 1.5 }]],
    ['policies[0].priority', [{ match: ALL, priority: 1_000_001 }]],
    ['policies[0].priority', [{ match: ALL, priority: null }]],
    ['policies[0].match.images', [{ match: { namespaceSelector: {} } }]],
    ['policies[0].match.namespaceSelector', [{ match: { images: ['**'], namespaceSelector: null } }]],
    [
      'policies[0].match.namespaceSelector.matchLabel',
      [{ match: { images: ['**'], namespaceSelector: { matchLabel: {} } } }],
    ],
    ['policies[0].__proto__', [JSON.parse('{"match":{"images":["**"]},"__proto__":{"mode":"off"}}')]],
  ];
  it.each(bad)('refuses a bad %s: %j', async (path, value) => {
    expect(await codeOf(() => parsePolicy(value))).toBe('POLICY_INVALID');
    expect(() => parsePolicy(value)).toThrow(`"${path}"`);
  });

  it.each([
    ['onmoved', 'did you mean "onMoved"?'],
    ['mutableTag', 'did you mean "mutableTags"?'],
    ['completelyOther', 'use one of name, priority, match, mode'],
  ])('hints at the nearest key for %p', (key, hint) => {
    expect(() => parsePolicy([{ match: ALL, [key]: 'x' }])).toThrow(hint);
  });

  it('throws nothing but POLICY_INVALID for junk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.anything(),
        fc.constantFrom(...Object.keys(DEFAULT_RULE), 'match'),
        async (junk, key) => {
          for (const value of [
            junk,
            [junk],
            [{ match: ALL, [key]: junk }],
            [{ match: { images: [junk] } }],
          ]) {
            expect([undefined, 'POLICY_INVALID']).toContain(await codeOf(() => parsePolicy(value)));
          }
        },
      ),
    );
  });
});

describe('parseRule', () => {
  it('is named by its place unless it has a name', () => {
    expect(parseRule({ match: ALL }, 'strict').name).toBe('strict');
    expect(parseRule({ match: ALL, name: 'mine' }, 'strict').name).toBe('mine');
  });
});

import { describe, expect, it } from '@jest/globals';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { policySource } from '../../../src/policy/policy-source.ts';

const everywhere = { match: { images: ['**'] } };

describe('policySource', () => {
  it.each([
    { what: 'no rule', policies: [] },
    { what: 'defaults', policies: [everywhere] },
    {
      what: 'every field',
      policies: [
        {
          name: 'shops',
          priority: -3,
          match: {
            images: ['ghcr.io/acme/*', 'docker.io/library/**'],
            namespaceSelector: {
              matchLabels: { team: 'shop' },
              matchExpressions: [
                { key: 'a', operator: 'Exists' },
                { key: 'b', operator: 'DoesNotExist' },
                { key: 'c', operator: 'NotIn', values: ['', 'x'] },
              ],
            },
          },
          mode: 'warn',
          rewrite: 'none',
          onMoved: 'pinRecorded',
          onUnresolvable: 'deny',
          recording: 'deferred',
          onLogUnavailable: 'admitReserved',
          recheck: 'never',
          mutableTags: [{ tags: ['latest', 'edge-*'], as: 'track' }],
        },
      ],
    },
    { what: 'several priorities', policies: [everywhere, { ...everywhere, priority: 5, mode: 'off' }] },
  ])('writes $what so that the same is read back', ({ policies }) => {
    const policy = parsePolicy(policies);
    expect(parsePolicy(JSON.parse(JSON.stringify(policySource(policy))))).toEqual(policy);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { PullSecretsAsked } from '../../../src/admission/pull-access.ts';
import type { PullAccess } from '../../../src/check/ports.ts';
import { admissionSetup, pod, reviewOf, type Json } from '../../support/admission-setup.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const { signal } = new AbortController();
const CONTAINERS = [{ name: 'c', image: 'ghcr.io/acme/api:1' }];

/** What the core is given for a review, and what the cluster is asked when that is used. */
async function accessFor(
  review: Json,
): Promise<{ readonly access?: PullAccess | undefined; readonly asked: readonly PullSecretsAsked[] }> {
  const check = scriptedCheck({});
  const asked: PullSecretsAsked[] = [];
  const { ask } = admissionSetup(check.checkImage, {
    pullSecrets: {
      async find(question) {
        asked.push(question);
        return { secrets: [], unreadable: [] };
      },
    },
  });
  const { kind } = (review['request'] as Json)['kind'] as { kind: string };
  await ask(kind === 'Pod' ? 'mutate' : 'warn', review);
  expect(asked).toEqual([]);
  const access = check.calls[0]?.context.access;
  await access?.secrets(signal);
  return { access, asked };
}

const podReview = (spec: Json, change: Json = {}) =>
  reviewOf({ object: pod({ containers: CONTAINERS, ...spec }), ...change });

const deployment = (spec: Json) =>
  reviewOf({
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    object: { metadata: {}, spec: { template: { spec: { containers: CONTAINERS, ...spec } } } },
  });

describe('the pull secrets of a review', () => {
  it.each<[string, Json, PullSecretsAsked | undefined]>([
    [
      'a Pod',
      podReview({ imagePullSecrets: [{ name: 'a' }, { name: 'b' }] }),
      { namespace: 'shop', names: ['a', 'b'] },
    ],
    [
      'a Pod, to which the API server has copied those of its account',
      podReview({ imagePullSecrets: [{ name: 'a' }], serviceAccountName: 'app' }),
      { namespace: 'shop', names: ['a'] },
    ],
    ['a Pod without any', podReview({ serviceAccountName: 'app' }), undefined],
    ['a Pod of no namespace', podReview({ imagePullSecrets: [{ name: 'a' }] }, { namespace: '' }), undefined],
    [
      'names that no Secret can have',
      podReview({
        imagePullSecrets: [{ name: '../../x' }, { name: 'A' }, {}, 7, null, { name: 'ok' }, { name: 'ok' }],
      }),
      { namespace: 'shop', names: ['ok'] },
    ],
    ['a list that is none', podReview({ imagePullSecrets: 'a' }), undefined],
    [
      'more than sixteen',
      podReview({ imagePullSecrets: Array.from({ length: 40 }, (_, i) => ({ name: `s${i}` })) }),
      { namespace: 'shop', names: Array.from({ length: 16 }, (_, i) => `s${i}`) },
    ],
    ['a Deployment', deployment({}), { namespace: 'shop', names: [], serviceAccount: 'default' }],
    [
      'a Deployment with an account',
      deployment({ serviceAccountName: 'app' }),
      { namespace: 'shop', names: [], serviceAccount: 'app' },
    ],
    [
      'a Deployment that names its own',
      deployment({ serviceAccountName: 'app', imagePullSecrets: [{ name: 'a' }] }),
      { namespace: 'shop', names: ['a'] },
    ],
  ])('are, for %s, read when the registry is asked: %#', async (_, review, expected) => {
    const { access, asked } = await accessFor(review);
    expect(asked).toEqual(expected === undefined ? [] : [expected]);
    expect(access === undefined).toBe(expected === undefined);
  });

  it('share answers with Pods of the same namespace, account and names alone', async () => {
    const reviews = [
      podReview({ imagePullSecrets: [{ name: 'a' }] }),
      podReview({ imagePullSecrets: [{ name: 'a' }] }, { namespace: 'web' }),
      podReview({ imagePullSecrets: [{ name: 'a' }, { name: 'b' }] }),
      podReview({ imagePullSecrets: [{ name: 'b' }, { name: 'a' }] }),
      deployment({ serviceAccountName: 'a' }),
    ];
    const scopes = await Promise.all(reviews.map(async (review) => (await accessFor(review)).access?.scope));
    expect(new Set(scopes).size).toBe(reviews.length);
    const again = await accessFor(podReview({ imagePullSecrets: [{ name: 'a' }], serviceAccountName: 'x' }));
    expect(again.access?.scope).toBe(scopes[0]);
  });

  it('are not asked for without a cluster', async () => {
    const check = scriptedCheck({});
    await admissionSetup(check.checkImage).ask('mutate', podReview({ imagePullSecrets: [{ name: 'a' }] }));
    expect(check.calls[0]?.context).not.toHaveProperty('access');
  });
});

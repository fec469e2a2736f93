import { describe, expect, it } from '@jest/globals';
import { makeComparer, type ComparerParts } from '../../../src/controller/compare.ts';
import type { ScannedPod } from '../../../src/controller/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { loggedRecord } from '../../support/verdicts.ts';

const TAG = 'ghcr.io/acme/api:1';
const { signal } = new AbortController();

function pod(name: string, text: string, running?: Digest): ScannedPod {
  const image = { container: 'main', text, ...(running && { running }) };
  return { namespace: 'shop', name, uid: name, images: [image] };
}

async function* pages(...pods: readonly ScannedPod[]) {
  yield await Promise.resolve(pods.slice(0, 1));
  yield pods.slice(1);
}

/** Tags are recorded as digestOfA. */
function compared(pods: readonly ScannedPod[], change: Partial<ComparerParts> = {}) {
  const compare = makeComparer({
    find: ({ canonical }) => Promise.resolve({ record: loggedRecord(canonical) }),
    generationOf: () => Promise.resolve(undefined),
    isExempt: () => false,
    ...change,
  });
  return compare(pages(...pods), signal);
}

describe('what Pods run against what is recorded', () => {
  const broken = new AppError({ code: 'RECORD_INVALID', message: 'told' });
  it.each([
    { says: 'ok', of: 'the recorded digest', pod: pod('a', TAG, digestOfA), change: {} },
    { says: 'mismatch', of: 'another digest', pod: pod('a', TAG, digestOfB), change: {} },
    {
      says: 'older',
      of: 'the digest of an earlier generation',
      pod: pod('a', TAG, digestOfB),
      change: { generationOf: () => Promise.resolve(0) },
    },
    { says: 'unknown', of: 'an image that the node says nothing of', pod: pod('a', TAG), change: {} },
    {
      says: 'mismatch',
      of: 'a pinned digest that is not the recorded one',
      pod: pod('a', `${TAG}@${digestOfB}`, digestOfB),
      change: {},
    },
    {
      says: 'unrecorded',
      of: 'a tag without a record',
      pod: pod('a', TAG, digestOfA),
      change: { find: () => Promise.resolve(undefined) },
    },
    {
      says: 'failed',
      of: 'a record that does not verify',
      pod: pod('a', TAG, digestOfA),
      change: { find: () => Promise.reject(broken) },
    },
    {
      says: 'exempt',
      of: 'a tag that the rules leave alone',
      pod: pod('a', TAG, digestOfB),
      change: { isExempt: () => true, find: () => Promise.reject(broken) },
    },
  ])('is $says for $of', async ({ says, pod, change }) => {
    const { rows, pods } = await compared([pod], change);
    expect(pods).toBe(1);
    expect(rows).toMatchObject([{ namespace: 'shop', pod: 'a', reference: TAG, result: { kind: says } }]);
  });

  it('looks each tag up once, and tells its Pods in their order', async () => {
    const asked: string[] = [];
    const { rows } = await compared(
      [pod('b', TAG, digestOfB), pod('a', TAG, digestOfA), pod('c', 'alpine:3', digestOfA)],
      {
        find({ canonical }) {
          asked.push(canonical);
          return Promise.resolve({ record: loggedRecord(canonical) });
        },
      },
    );
    expect(rows.map(({ pod, result }) => `${pod} ${result.kind}`)).toEqual(['a ok', 'b mismatch', 'c ok']);
    expect(asked.toSorted()).toEqual(['docker.io/library/alpine:3', TAG]);
  });

  it('leaves images alone that name no tag', async () => {
    const { rows, pods } = await compared([pod('a', `alpine@${digestOfA}`, digestOfA), pod('b', 'A B')]);
    expect({ rows, pods }).toEqual({ rows: [], pods: 2 });
  });

  it('leaves an exempt namespace alone, and no other', async () => {
    const other = { ...pod('b', TAG, digestOfB), namespace: 'bank' };
    const { rows } = await compared([pod('a', TAG, digestOfB), other], {
      isExempt: (_reference, namespace) => namespace === 'bank',
    });
    expect(rows.map(({ namespace, result }) => `${namespace} ${result.kind}`)).toEqual([
      'bank exempt',
      'shop mismatch',
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { CheckImage } from '../../../src/check/verdict.ts';
import {
  admissionSetup,
  pod,
  podWith,
  reviewOf,
  UID,
  type ClusterParts,
} from '../../support/admission-setup.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const REVIEW = reviewOf({ object: podWith('alpine:3.16') });

/** Two reviews may wait, and two do, until `release`. */
function crowded(change: ClusterParts = {}) {
  const { promise: released, resolve } = Promise.withResolvers<undefined>();
  const { checkImage: answer } = scriptedCheck({});
  const asked: string[] = [];
  const checkImage: CheckImage = async (text, context) => {
    asked.push(text);
    await released;
    return answer(text, context);
  };
  const { ask } = admissionSetup(checkImage, { maxWaiting: 2, ...change });
  const waiting = [ask('mutate', REVIEW), ask('validate', REVIEW)];
  return { ask, asked, waiting, release: () => resolve(undefined) };
}

describe('a webhook for which too many wait', () => {
  it.each(['mutate', 'validate'] as const)(
    'answers /%s with 429 and the uid, and asks nobody',
    async (door) => {
      const { ask, asked, waiting, release } = crowded();
      expect(await ask(door, REVIEW)).toMatchObject({
        httpStatus: 200,
        uid: UID,
        allowed: false,
        status: { code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } },
        auditAnnotations: { decision: 'retry' },
      });
      release();
      expect((await Promise.all(waiting))[0]).toMatchObject({ allowed: true });
      expect(asked).toHaveLength(2);
    },
  );

  it.each([
    { workloads: 'warn', allowed: true },
    { workloads: 'deny', allowed: false },
  ] as const)(
    'with workloads: $workloads says allowed: $allowed to /warn',
    async ({ workloads, allowed }) => {
      const { ask, waiting, release } = crowded({ workloads });
      expect(await ask('warn', REVIEW)).toMatchObject({ uid: UID, allowed });
      release();
      await Promise.all(waiting);
    },
  );

  it('still answers what nobody need be asked about', async () => {
    const { ask, waiting, release } = crowded();
    expect(await ask('mutate', reviewOf({ operation: 'DELETE' }))).toMatchObject({ allowed: true });
    expect(await ask('mutate', reviewOf({ object: pod({ containers: [] }) }))).toMatchObject({
      allowed: true,
    });
    release();
    await Promise.all(waiting);
  });

  it('judges again once somebody has his answer', async () => {
    const { ask, waiting, release } = crowded();
    release();
    await Promise.all(waiting);
    expect(await ask('mutate', REVIEW)).toMatchObject({ allowed: true });
  });

  it('counts a review that failed as answered', async () => {
    const { ask } = admissionSetup(() => Promise.reject(new Error('told to fail')), { maxWaiting: 1 });
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await ask('mutate', REVIEW)).toMatchObject({ status: { code: 500 } });
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import { makeRateLimits } from '../../../src/registry/rate-limits.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe('makeRateLimits', () => {
  it.each([
    { retryAfter: undefined, seconds: 10 },
    { retryAfter: '7', seconds: 7 },
    { retryAfter: ' 7 ', seconds: 7 },
    { retryAfter: '0', seconds: 1 },
    { retryAfter: '-5', seconds: 1 },
    { retryAfter: '99999999999999999999', seconds: 300 },
    { retryAfter: 'Thu, 01 Jan 2026 00:00:42 GMT', seconds: 42 },
    { retryAfter: 'Thu, 01 Jan 2015 00:00:42 GMT', seconds: 1 },
    { retryAfter: 'Fri, 01 Jan 2055 00:00:42 GMT', seconds: 300 },
    { retryAfter: 'soon', seconds: 10 },
    { retryAfter: '', seconds: 10 },
  ])('reads $retryAfter as $seconds s', async ({ retryAfter, seconds }) => {
    const clock = makeManualClock(Date.UTC(2026, 0, 1));
    const limits = makeRateLimits(clock);
    expect(limits.impose('a.example', 'cannot x', retryAfter).retryAfterSeconds).toBe(seconds);
    clock.advance(seconds * 1000 - 1);
    expect(await codeOf(() => limits.check('a.example', 'cannot x'))).toBe('REGISTRY_RATE_LIMITED');
    clock.advance(1);
    limits.check('a.example', 'cannot x');
  });

  it('silences only the host that asked for it', () => {
    const limits = makeRateLimits(makeManualClock());
    limits.impose('a.example', 'cannot x', '7');
    limits.check('b.example', 'cannot x');
  });

  it('silences only the account that has had enough', async () => {
    const limits = makeRateLimits(makeManualClock());
    limits.impose('a.example', 'cannot x', '7', 'ann');
    limits.hear('a.example', '0;w=21600', 'ann');
    for (const account of [undefined, 'bob']) {
      limits.check('a.example', 'cannot x', account);
      limits.checkBudget('a.example', 'cannot x', account);
    }
    expect(await codeOf(() => limits.check('a.example', 'cannot x', 'ann'))).toBe('REGISTRY_RATE_LIMITED');
    expect(await codeOf(() => limits.checkBudget('a.example', 'cannot x', 'ann'))).toBe(
      'REGISTRY_RATE_LIMITED',
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deadlineMs, withDeadline } from '../../../src/admission/deadline.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe('deadlineMs', () => {
  it.each([
    ['/mutate?timeout=10s', 8000],
    ['/mutate?timeout=30s', 8000],
    ['/mutate?timeout=5s', 3500],
    ['/mutate?timeout=4.25s', 2750],
    ['/mutate?timeout=1m0s', 8000],
    ['/mutate?x=1&timeout=3000ms', 1500],
    ['/mutate?timeout=1s', 500],
    ['/mutate?timeout=1s500ms', 750],
    ['/mutate', 8000],
    ['/mutate?timeout=', 8000],
    ['/mutate?timeout=soon', 8000],
    ['/mutate?timeout=0s', 8000],
    ['/mutate?timeout=-5s', 8000],
    ['/mutate?timeout=1..5s', 8000],
  ])('of %s is %i ms', (url, ms) => {
    expect(deadlineMs(url)).toBe(ms);
  });

  it('is above zero and at most 8 s, whatever the URL', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = deadlineMs(`/mutate?timeout=${text}`);
        expect(ms).toBeGreaterThan(0);
        expect(ms).toBeLessThanOrEqual(8000);
      }),
      { numRuns: 500 },
    );
  });
});

describe('withDeadline', () => {
  it('passes on what is in time', async () => {
    expect(await withDeadline(1000, async () => 'in time')).toBe('in time');
    const failing = () =>
      withDeadline(1000, () => Promise.reject(new AppError({ code: 'LOG_UNAVAILABLE', message: 'x' })));
    expect(await codeOf(failing)).toBe('LOG_UNAVAILABLE');
  });

  it('aborts with DEADLINE_EXCEEDED, and still takes what the work then answers', async () => {
    const answer = await withDeadline(
      5,
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(signal.reason));
        }),
    );
    expect(answer).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('leaves behind work that does not heed the signal', async () => {
    expect(await codeOf(() => withDeadline(5, () => new Promise(() => undefined)))).toBe('DEADLINE_EXCEEDED');
  });
});

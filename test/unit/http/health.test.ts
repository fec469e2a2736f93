import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeHealth } from '../../../src/http/health.ts';

describe('makeHealth', () => {
  it('is ready when every check is', async () => {
    const health = makeHealth({
      checks: { store: () => undefined, log: async () => undefined },
      timeoutMs: 1000,
    });
    expect(await health.readiness()).toEqual({ ready: true, checks: { store: 'ok', log: 'ok' } });
  });

  it('tells the reason of the check that fails', async () => {
    const health = makeHealth({
      checks: {
        store: () => {
          throw new AppError({ code: 'STORE_UNAVAILABLE', message: 'cannot read the store' });
        },
        log: () => undefined,
      },
      timeoutMs: 1000,
    });
    expect(await health.readiness()).toEqual({
      ready: false,
      checks: { store: 'cannot read the store', log: 'ok' },
    });
  });

  it('withholds the text of an error that is not ours', async () => {
    const health = makeHealth({
      checks: { store: () => Promise.reject(new Error('secret')) },
      timeoutMs: 1000,
    });
    expect(await health.readiness()).toEqual({ ready: false, checks: { store: 'internal error' } });
  });

  it('is not ready when a check never answers, and aborts it', async () => {
    let aborted = false;
    const health = makeHealth({
      checks: {
        slow: (signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve();
            });
          }),
        deaf: () => new Promise(() => undefined),
      },
      timeoutMs: 10,
    });
    const { ready, checks } = await health.readiness();
    expect(ready).toBe(false);
    expect(checks['deaf']).toBe('no answer within 10 ms');
    expect(aborted).toBe(true);
  });
});

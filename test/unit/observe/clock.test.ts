import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/observe/clock.ts';

describe('systemClock', () => {
  it('tells the time of day in milliseconds and a time that does not run backwards', () => {
    expect(new Date(systemClock.now()).getUTCFullYear()).toBeGreaterThan(2000);
    const first = systemClock.monotonicMs();
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first);
  });
});

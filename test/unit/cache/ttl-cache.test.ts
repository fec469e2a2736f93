import { describe, expect, it } from '@jest/globals';
import { makeTtlCache } from '../../../src/cache/ttl-cache.ts';
import { makeManualClock } from '../../support/manual-clock.ts';

describe('makeTtlCache', () => {
  it.each([
    { after: 0, value: 'v' },
    { after: 99, value: 'v' },
    { after: 100, value: undefined },
    { after: -1, value: undefined },
  ])('gives $value after $after of 100 ms', ({ after, value }) => {
    const clock = makeManualClock();
    const cache = makeTtlCache<string>({ max: 2, now: () => clock.now() });
    cache.set('k', 'v', 100);
    clock.advance(after);
    expect(cache.get('k')).toBe(value);
  });

  it('forgets the least recently used value beyond its size', () => {
    const cache = makeTtlCache<number>({ max: 2, now: () => 0 });
    cache.set('a', 1, 10);
    cache.set('b', 2, 10);
    cache.get('a');
    cache.set('c', 3, 10);
    expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([1, undefined, 3]);
  });

  it('forgets what is deleted', () => {
    const cache = makeTtlCache<number>({ max: 2, now: () => 0 });
    cache.set('a', 1, 10);
    cache.delete('a');
    expect(cache.get('a')).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { makeNewTags } from '../../../src/proxy/new-tags.ts';

const setup = (perMinute: number) => makeNewTags({ perMinute, clock: { monotonicMs: () => 0 } });

describe('the new tags of a client', () => {
  it('count once for a tag that many ask for at the same time', () => {
    const newTags = setup(2);
    const waits = Array.from({ length: 50 }, () => newTags.take('ann', 'app:1'));
    expect(new Set(waits)).toEqual(new Set([0]));
    for (const each of waits.keys()) newTags.done('ann', 'app:1', each === 0);
    expect(newTags.take('ann', 'app:2')).toBe(0);
    expect(newTags.take('ann', 'app:3')).toBe(30);
    expect(newTags.take('bob', 'app:3')).toBe(0);
  });

  it('cost nothing once they turn out to be known', () => {
    const newTags = setup(1);
    for (let at = 0; at < 5; at += 1) {
      expect(newTags.take('ann', `app:${at}`)).toBe(0);
      newTags.done('ann', `app:${at}`, false);
    }
  });

  it('are held while the first answer is awaited', () => {
    const newTags = setup(1);
    expect(newTags.take('ann', 'app:1')).toBe(0);
    expect(newTags.take('ann', 'app:2')).toBe(60);
    newTags.done('ann', 'app:1', false);
    expect(newTags.take('ann', 'app:2')).toBe(0);
  });

  it('have no limit when it is 0', () => {
    const newTags = setup(0);
    for (let at = 0; at < 5; at += 1) expect(newTags.take('ann', `app:${at}`)).toBe(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { StateStore } from '../../../src/protocol/ports.ts';
import { makeTailLease } from '../../../src/protocol/tail-lease.ts';
import { makeMemoryState } from '../../support/memory-state.ts';

const { signal } = new AbortController();

/** One clock for all; each process has its own, and nothing depends on what they say in common. */
function scene(state: StateStore = makeMemoryState()) {
  let now = 0;
  const lease = (holder: string) =>
    makeTailLease({ state, name: 'lease', holder, clock: { monotonicMs: () => now }, periodMs: 1_000 });
  return { a: lease('a'), b: lease('b'), c: lease('c'), wait: (ms: number) => (now += ms) };
}

describe('makeTailLease', () => {
  it('goes to the first who asks, and stays with who renews it', async () => {
    const { a, b, wait } = scene();
    await a.renew(signal);
    await b.renew(signal);
    for (let i = 0; i < 20; i += 1) {
      wait(1_000);
      await a.renew(signal);
      await b.renew(signal);
      expect([a.holds(), b.holds()]).toEqual([true, false]);
    }
  });

  it('is taken over from a holder that is gone, once the watcher itself has seen it unchanged for long enough', async () => {
    const { a, b, wait } = scene();
    await a.renew(signal);
    wait(100_000);
    await b.renew(signal);
    expect(b.holds()).toBe(false);
    wait(3_999);
    await b.renew(signal);
    expect(b.holds()).toBe(false);
    wait(1);
    await b.renew(signal);
    expect(b.holds()).toBe(true);
    await a.renew(signal);
    expect(a.holds()).toBe(false);
  });

  it('is held no more by who has not renewed it, before anybody can take it over', async () => {
    const { a, b, wait } = scene();
    await a.renew(signal);
    await b.renew(signal);
    wait(2_999);
    expect(a.holds()).toBe(true);
    wait(1);
    expect(a.holds()).toBe(false);
    await b.renew(signal);
    expect(b.holds()).toBe(false);
  });

  it('has one holder after all have taken it over at the same moment', async () => {
    const state = makeMemoryState();
    const { a, b, c, wait } = scene(state);
    await a.renew(signal);
    await Promise.all([b.renew(signal), c.renew(signal)]);
    wait(4_000);
    await Promise.all([b.renew(signal), c.renew(signal)]);
    expect([a, b, c].filter((each) => each.holds())).toHaveLength(1);
  });

  it('is free at once when its holder gives it up, and not when another does', async () => {
    const { a, b, c } = scene();
    await a.renew(signal);
    await c.release(signal);
    await b.renew(signal);
    expect(b.holds()).toBe(false);
    await a.release(signal);
    expect(a.holds()).toBe(false);
    await b.renew(signal);
    expect(b.holds()).toBe(true);
  });

  it('is not held by who could not write', async () => {
    const state = makeMemoryState();
    const { a } = scene({ ...state, write: async () => 'conflict' });
    await a.renew(signal);
    expect(a.holds()).toBe(false);
  });
});

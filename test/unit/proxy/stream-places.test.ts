import { describe, expect, it } from '@jest/globals';
import { makeStreamPlaces } from '../../../src/proxy/stream-places.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const LONG_MS = 3_600_000;

function fill(most: number, patienceMs = LONG_MS) {
  return makeStreamPlaces({ most, patienceMs });
}

describe('the places of streams', () => {
  it('are given at once while some are free', async () => {
    const places = fill(4);
    const leave = await Promise.all(['ann', 'bob', 'ann', 'bob'].map((each) => places.take(each, never)));
    expect(leave).toHaveLength(4);
  });

  it('are given, when they are all taken, in the order in which clients came', async () => {
    const places = fill(2);
    const [first, second] = [await places.take('ann', never), await places.take('bob', never)];
    const seated: string[] = [];
    const waiting = ['cleo', 'dan'].map(async (each) => {
      await places.take(each, never);
      seated.push(each);
    });
    first();
    await waiting[0];
    expect(seated).toEqual(['cleo']);
    second();
    await waiting[1];
    expect(seated).toEqual(['cleo', 'dan']);
  });

  it('are never all of one client, who waits behind nobody but itself', async () => {
    const places = fill(4);
    const own = [1, 2, 3].map(() => places.take('ann', never));
    const [leave] = await Promise.all(own);
    const fourth = places.take('ann', never);
    const other = await places.take('bob', never);
    other();
    const again = await places.take('bob', never);
    leave?.();
    (await fourth)();
    again();
  });

  it('are refused to who waits too long, and then to nobody else', async () => {
    const places = fill(1, 5);
    const leave = await places.take('ann', never);
    expect(await codeOf(() => places.take('bob', never))).toBe('REGISTRY_UNAVAILABLE');
    leave();
    (await places.take('cleo', never))();
  });

  it('are not waited for by a crowd: of one client, or of all', async () => {
    const places = fill(2);
    await Promise.all([places.take('ann', never), places.take('bob', never)]);
    const end = new AbortController();
    const wait = (client: string) => places.take(client, end.signal).catch(() => undefined);
    const crowd = ['cleo', 'cleo'].map(wait);
    expect(await codeOf(() => places.take('cleo', never))).toBe('REGISTRY_UNAVAILABLE');
    crowd.push(...['dan', 'dan', 'eve', 'eve', 'fay', 'fay'].map(wait));
    expect(await codeOf(() => places.take('gil', never))).toBe('REGISTRY_UNAVAILABLE');
    end.abort();
    await Promise.all(crowd);
  });

  it('are given to nobody who went away', async () => {
    const places = fill(1);
    const leave = await places.take('ann', never);
    const gone = new AbortController();
    const waiting = places.take('bob', gone.signal);
    gone.abort(new Error('went away'));
    await expect(waiting).rejects.toThrow('went away');
    const next = places.take('cleo', never);
    leave();
    (await next)();
    await expect(places.take('dan', gone.signal)).rejects.toThrow('went away');
  });
});

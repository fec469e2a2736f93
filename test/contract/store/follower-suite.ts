import { describe, expect, it } from '@jest/globals';
import type { GenerationFollower, RecordStore } from '../../../src/protocol/ports.ts';
import { sampleRecord } from '../../support/sample-record.ts';

export interface FollowerUnderTest extends AsyncDisposable {
  readonly store: RecordStore;
  readonly follower: GenerationFollower;
  /** Writes to the same records, as another process does. */
  readonly other: RecordStore;
}

const { signal } = new AbortController();

/** Follows, and remembers what was told. */
export function startFollowing(follower: GenerationFollower) {
  const life = new AbortController();
  const told: string[] = [];
  let wake: () => void = () => undefined;
  const done = follower.follow((claimId, generation) => {
    told.push(`${claimId} ${generation}`);
    wake();
  }, life.signal);
  return {
    told,
    /** Resolves when each was told; hangs, and fails the test, otherwise. */
    async untilTold(...generations: readonly string[]): Promise<void> {
      while (!generations.every((one) => told.includes(one))) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async stop(): Promise<void> {
      life.abort();
      await done;
    },
  };
}

/** Reserves a generation, and gives what followers will call it. */
export async function reserveIn(store: RecordStore, generation: number, reference?: string): Promise<string> {
  const record = sampleRecord(reference, { generation });
  await store.reserve(record, signal);
  return `${record.claimId} ${generation}`;
}

/** What every GenerationFollower promises. */
export function followerContract(kind: string, open: () => Promise<FollowerUnderTest>): void {
  describe(`the follower contract: ${kind}`, () => {
    it('tells at start of all newer generations that there are, and of no first one', async () => {
      await using opened = await open();
      const wanted = [];
      for (const tag of ['a', 'b', 'c']) {
        const reference = `docker.io/library/alpine:${tag}`;
        await reserveIn(opened.other, 0, reference);
        for (const generation of [1, 2]) {
          wanted.push(await reserveIn(opened.other, generation, reference));
        }
      }
      const following = startFollowing(opened.follower);
      await following.untilTold(...wanted);
      await following.stop();
      expect(new Set(following.told)).toEqual(new Set(wanted));
    });

    it('tells of each one that comes, from another instance and from its own', async () => {
      await using opened = await open();
      const following = startFollowing(opened.follower);
      for (const generation of [0, 1, 2, 3, 4]) {
        const written = await reserveIn(generation % 2 ? opened.other : opened.store, generation);
        if (generation > 0) await following.untilTold(written);
      }
      await following.stop();
    });

    it('misses none of many that come at once', async () => {
      await using opened = await open();
      const following = startFollowing(opened.follower);
      const wanted = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          reserveIn(i % 2 ? opened.other : opened.store, 1 + (i % 3), `docker.io/library/alpine:${i}`),
        ),
      );
      await following.untilTold(...wanted);
      await following.stop();
    });

    it('tells of a record that can be found then', async () => {
      await using opened = await open();
      const life = new AbortController();
      const { promise: found, resolve, reject } = Promise.withResolvers<undefined>();
      let left = 20;
      const following = opened.follower.follow((claimId, generation) => {
        const finding = opened.other.find(claimId, signal).then((stored) => {
          expect(stored?.record.generation).toBeGreaterThanOrEqual(generation);
          left -= 1;
          if (left === 0) resolve(undefined);
        });
        finding.catch(reject);
      }, life.signal);
      for (let i = 1; i <= 20; i += 1) await reserveIn(opened.store, i);
      await found;
      life.abort();
      await following;
    });

    it('tells two followers of the same', async () => {
      await using opened = await open();
      const both = [startFollowing(opened.follower), startFollowing(opened.follower)];
      const written = await reserveIn(opened.other, 1);
      await Promise.all(both.map((following) => following.untilTold(written)));
      await Promise.all(both.map((following) => following.stop()));
    });

    it('ends at once for a signal that has aborted, and tells nothing', async () => {
      await using opened = await open();
      await reserveIn(opened.other, 1);
      const told: number[] = [];
      await opened.follower.follow((_claim, generation) => told.push(generation), AbortSignal.abort());
      expect(told).toEqual([]);
    });
  });
}

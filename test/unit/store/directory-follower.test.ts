import { describe, expect, it } from '@jest/globals';
import type { Logger } from '../../../src/observe/log.ts';
import type { Disk } from '../../../src/store/directory/disk.ts';
import { makeDirectoryFollower, markerPath } from '../../../src/store/directory/follow.ts';
import { makeDirectoryStore } from '../../../src/store/directory-store.ts';
import { reserveIn, startFollowing } from '../../contract/store/follower-suite.ts';
import { makePowerLossDisk } from '../../support/power-loss-disk.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';

const directory = '/records';
const { claimId } = sampleRecord();

/** A store and a follower on a disk whose looks can be counted and changed. */
function setUp(change: (disk: Disk) => Partial<Disk> = () => ({}), logger: Logger = SILENT) {
  const { disk } = makePowerLossDisk();
  const looks = { stats: 0, lists: 0 };
  const changed: Disk = { ...disk, ...change(disk) };
  const counted: Disk = {
    ...changed,
    changedAt(path) {
      if (path.endsWith('newer')) looks.stats += 1;
      return changed.changedAt(path);
    },
    list(path) {
      looks.lists += 1;
      return changed.list(path);
    },
  };
  let names = 0;
  const store = makeDirectoryStore({ directory, uniqueName: () => String(++names), disk });
  const follower = makeDirectoryFollower({ directory, disk: counted, logger, pollMs: 1 });
  return { disk, store, follower, looks };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

describe('makeDirectoryFollower', () => {
  it('does not read a folder in which nothing has changed', async () => {
    const { store, follower, looks } = setUp();
    const following = startFollowing(follower);
    await following.untilTold(await reserveIn(store, 1));
    const { lists, stats } = { ...looks };
    await until(() => looks.stats >= stats + 100);
    await following.stop();
    expect(looks.lists - lists).toBeLessThan(10);
  });

  it('finds what a coarse clock hides', async () => {
    const { store, follower, looks } = setUp((disk) => ({
      changedAt: async (path) => (await disk.changedAt(path)) && 7n,
    }));
    const following = startFollowing(follower);
    await following.untilTold(await reserveIn(store, 1));
    // within the same tick
    const { stats } = { ...looks };
    await following.untilTold(await reserveIn(store, 2));
    expect(looks.stats - stats).toBeLessThan(10);
    await until(() => looks.stats >= stats + 10);
    await following.untilTold(await reserveIn(store, 3));
    await following.stop();
  });

  it('tells each but once', async () => {
    const { store, follower, looks } = setUp();
    const following = startFollowing(follower);
    for (const generation of [1, 2, 3]) await following.untilTold(await reserveIn(store, generation));
    await until(() => looks.stats >= 100);
    await following.stop();
    expect(following.told).toHaveLength(3);
  });

  it('waits for the record of a marker, and passes over what is no marker', async () => {
    const { disk, store, follower, looks } = setUp();
    const names = [
      claimId,
      `${claimId}-0`,
      `${claimId}-01`,
      `${claimId}-1000000000`,
      `x${claimId}-1`,
      '..-1',
    ];
    await disk.makeFolder('/records/newer');
    for (const name of names) await disk.create(`/records/newer/${name}`);
    await disk.create(markerPath(directory, claimId, 1));
    const following = startFollowing(follower);
    await until(() => looks.stats >= 20);
    expect(following.told).toEqual([]);
    const { stats } = { ...looks };
    await following.untilTold(await reserveIn(store, 1));
    expect(looks.stats - stats).toBeLessThan(10);
    await following.stop();
    expect(following.told).toHaveLength(1);
  });

  it('tells nothing more when it has been stopped', async () => {
    const { store, follower } = setUp();
    for (const generation of [1, 2, 3]) await reserveIn(store, generation);
    const life = new AbortController();
    const told: number[] = [];
    await follower.follow((_claim, generation) => {
      told.push(generation);
      life.abort();
    }, life.signal);
    expect(told).toHaveLength(1);
  });

  it('goes on after an outage, and says so', async () => {
    const events: string[] = [];
    let isBroken = true;
    const { store, follower } = setUp(
      (disk) => ({
        list(path) {
          if (!isBroken) return disk.list(path);
          isBroken = false;
          return Promise.reject(new Error('EIO'));
        },
      }),
      { ...SILENT, warn: (event, { code }) => void events.push(`${event} ${String(code)}`) },
    );
    const written = await reserveIn(store, 1);
    const following = startFollowing(follower);
    await following.untilTold(written);
    await following.stop();
    expect(events).toEqual(['background.failed STORE_UNAVAILABLE']);
  });
});

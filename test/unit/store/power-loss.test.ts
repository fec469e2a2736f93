import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { openDirectoryStore } from '../../../src/store/directory-store.ts';
import { startFollowing } from '../../contract/store/follower-suite.ts';
import { makePowerLossDisk, type PowerLossDisk } from '../../support/power-loss-disk.ts';
import { sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';

const { signal } = new AbortController();
const KEPT = ['least', 'most'] as const;
/** More calls than any write makes. */
const ALL_CALLS = 40;
let names = 0;

function open({ disk }: PowerLossDisk) {
  const uniqueName = () => String(++names);
  return openDirectoryStore({ dataDir: '/data', uniqueName, logger: SILENT, pollMs: 1, disk });
}

type Opened = ReturnType<typeof open>;

/** The same write, with the plug pulled after each number of calls; `check` gets what a restart finds. */
async function pullingThePlug(
  prepare: (opened: Opened) => Promise<unknown>,
  write: (opened: Opened) => Promise<unknown>,
  check: (restarted: PowerLossDisk, wasDone: boolean) => Promise<void>,
): Promise<void> {
  const outcomes = new Set<boolean>();
  for (let calls = 0; calls < ALL_CALLS; calls += 1) {
    for (const kept of KEPT) {
      const machine = makePowerLossDisk();
      await prepare(open(machine));
      const opened = open(machine);
      machine.stopAfter(calls);
      const wasDone = await write(opened).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(AppError);
          return false;
        },
      );
      outcomes.add(wasDone);
      await check(machine.afterPowerLoss(kept), wasDone);
    }
  }
  expect(outcomes).toEqual(new Set([false, true]));
}

describe('when the power fails between any two steps of a write', () => {
  const nothing = () => Promise.resolve();

  it.each([0, 1])(
    'a reserved record of generation %i is kept whole, or was never there',
    async (generation) => {
      const record = sampleRecord(undefined, { generation });
      await pullingThePlug(
        nothing,
        ({ store }) => store.reserve(record, signal),
        async (restarted, wasDone) => {
          const { store } = open(restarted);
          const found = await store.find(record.claimId, signal);
          expect(found?.record).toEqual(wasDone || found !== undefined ? record : undefined);
          expect(await store.reserve(record, signal)).toBe(found === undefined ? 'created' : 'exists');
        },
      );
    },
  );

  it('no follower misses a generation that is there', async () => {
    const record = sampleRecord(undefined, { generation: 1 });
    await pullingThePlug(
      nothing,
      ({ store }) => store.reserve(record, signal),
      async (restarted) => {
        const { store, follower } = open(restarted);
        const following = startFollowing(follower);
        if ((await store.find(record.claimId, signal)) !== undefined) {
          await following.untilTold(`${record.claimId} 1`);
        }
        expect(following.told.length).toBeLessThan(2);
        // a marker without its record does not hide the record that comes
        await store.reserve(record, signal);
        await following.untilTold(`${record.claimId} 1`);
        await following.stop();
      },
    );
  });

  it('an updated record is the old one or the new one', async () => {
    const before = sampleRecord();
    const after: TagRecord = { ...before, phase: 'Lost' };
    await pullingThePlug(
      ({ store }) => store.reserve(before, signal),
      ({ store }) => store.update(after, '1', signal),
      async (restarted, wasDone) => {
        const found = await open(restarted).store.find(before.claimId, signal);
        const isNew = wasDone || found?.record.phase === 'Lost';
        expect(found?.record).toEqual(isNew ? after : before);
      },
    );
  });

  it('a state document is the old one or the new one', async () => {
    const write = ({ state }: Opened, text: string, version?: string) =>
      state.write('tail', { text, version }, signal);
    await pullingThePlug(
      (opened) => write(opened, 'old'),
      (opened) => write(opened, 'new', '1'),
      async (restarted, wasDone) => {
        const found = await open(restarted).state.read('tail', signal);
        expect(['old', 'new'].slice(wasDone ? 1 : 0)).toContain(found?.text);
      },
    );
  });
});

describe('what a write has promised', () => {
  /** Different tags of one new folder, one of them twice. */
  const claims = ['1', '2', '2', '3'].map((digit) => `ab${digit.repeat(62)}`);

  it('survives a power loss at that moment, however the writes of two processes are mixed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(0, 1, 2, 40), { minLength: 40, maxLength: 40 }),
        async (delays) => {
          let calls = 0;
          const machine = makePowerLossDisk(async () => {
            const delay = delays[calls++ % delays.length] ?? 0;
            for (let i = 0; i < delay; i += 1) await Promise.resolve();
          });
          // the keys are made in it before
          await machine.disk.makeFolder('/data');
          await machine.disk.syncFolder('/');
          const both = [open(machine), open(machine)];
          await Promise.all(
            claims.map(async (claimId, i) => {
              const record = sampleRecord(undefined, { claimId, generation: i % 2 });
              await both[i % 2]?.store.reserve(record, signal);
              const restarted = open(machine.afterPowerLoss('least'));
              expect(
                (await restarted.store.generations(claimId, signal)).map((one) => one.record),
              ).toContainEqual(record);
            }),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('survives in a folder that another process has made and not synced yet', async () => {
    const machine = makePowerLossDisk();
    await machine.disk.makeFolder('/data');
    await machine.disk.syncFolder('/');
    const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
    const { promise: waits, resolve: nowWaits } = Promise.withResolvers<undefined>();
    const slow = open({
      ...machine,
      disk: {
        ...machine.disk,
        async syncFolder(path) {
          nowWaits(undefined);
          await released;
          return machine.disk.syncFolder(path);
        },
      },
    });
    const [first = '', second = ''] = claims;
    const other = slow.store.reserve(sampleRecord(undefined, { claimId: first }), signal);
    await waits;
    await open(machine).store.reserve(sampleRecord(undefined, { claimId: second }), signal);
    const restarted = open(machine.afterPowerLoss('least'));
    expect(await restarted.store.generations(second, signal)).toHaveLength(1);
    release(undefined);
    await other;
  });
});

import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LogReader } from '../../../src/protocol/ports.ts';
import { makeShardLife } from '../../../src/protocol/shard-life.ts';
import { makeSharedTail } from '../../../src/protocol/shared-tail.ts';
import { makeTailLease } from '../../../src/protocol/tail-lease.ts';
import { makeTailSnapshots } from '../../../src/protocol/tail-snapshot.ts';
import { makeMemoryState } from '../../support/memory-state.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog, ownOfTreeLog } from '../../support/tree-log.ts';

const { signal } = new AbortController();
const HOUR = 3_600_000;
/** The shard takes entries from hour 10 to hour 20. */
const TAKES_ENTRIES = { from: 10 * HOUR, to: 20 * HOUR };
const NAME = 'tail-0-end';

/** A shard with an entry of ours, and a process that follows it from time to time. */
function setUp() {
  const log = makeTreeLog();
  log.addOwn('ours');
  log.addOthers(20);
  const state = makeMemoryState();
  let [hour, isDown, asked, processes] = [0, false, 0, 0];
  const reader: LogReader = {
    ...log.reader,
    bundleAt: () => Promise.reject(new Error('nobody asks')),
    async checkpoint(until) {
      asked += 1;
      if (isDown) throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' });
      return log.reader.checkpoint(until);
    },
  };
  function start(key = 'secret') {
    const common = { state, key: Buffer.from(key), logger: SILENT };
    return makeShardLife({
      ...common,
      reader,
      takesEntries: TAKES_ENTRIES,
      clock: { now: () => hour * HOUR },
      name: NAME,
      open: (from) =>
        makeSharedTail({
          reader: from,
          verifier: ownOfTreeLog,
          logger: SILENT,
          origin: log.trust.origin,
          lifetime: signal,
          clock: { monotonicMs: () => hour * HOUR },
          lease: makeTailLease({
            state,
            name: 'lease',
            holder: `process ${(processes += 1)}`,
            clock: { monotonicMs: () => hour * HOUR },
            periodMs: 1_000,
          }),
          snapshots: makeTailSnapshots({ ...common, log: log.trust, watched: ['us'] }),
        }),
    });
  }
  let process = start();
  return {
    log,
    state,
    asked: () => asked,
    at: (next: number, down = false) => void ([hour, isDown] = [next, down]),
    ready: () => codeOf(() => process.tail.ready(signal)),
    turn: () => codeOf(() => process.turn(signal)),
    knowsOurs: () => process.tail.own().over(statementDigest('ours')).length === 1,
    restart: async (key?: string) => {
      await process.close(signal);
      process = start(key);
    },
  };
}

type Scene = ReturnType<typeof setUp>;

describe('makeShardLife', () => {
  it('does not ask a shard before its time, and reads it from its first moments on', async () => {
    const { at, ready, turn, asked, knowsOurs } = setUp();
    at(9.8, true);
    expect([await ready(), await turn(), asked()]).toEqual([undefined, undefined, 0]);
    at(9.95);
    expect([await ready(), knowsOurs()]).toEqual([undefined, true]);
  });

  it('reads a shard whose time has ended once more, and never again', async () => {
    const { at, ready, turn, asked, knowsOurs } = setUp();
    at(30);
    expect([await ready(), knowsOurs(), asked()]).toEqual([undefined, true, 1]);
    at(30, true);
    expect([await ready(), await turn(), asked()]).toEqual([undefined, undefined, 1]);
  });

  it('goes on without a shard that was read to its end before the start', async () => {
    const { at, ready, restart, knowsOurs, asked } = setUp();
    at(30);
    await ready();
    await restart();
    at(31, true);
    expect([await ready(), knowsOurs(), await ready(), asked()]).toEqual([undefined, true, undefined, 2]);
  });

  it('says so in the background, too, where nobody asks for a first sight', async () => {
    const { at, ready, restart, turn } = setUp();
    at(30);
    await ready();
    await restart();
    at(31, true);
    expect([await turn(), await turn()]).toEqual([undefined, undefined]);
  });

  it.each<[string, (scene: Scene) => Promise<unknown>]>([
    ['that takes entries', async ({ at }) => at(15, true)],
    ['whose time has just ended', async ({ at }) => at(20.5, true)],
    ['of which nothing was read', async ({ at }) => at(30, true)],
    [
      'that was read before its end',
      async ({ at, ready, restart }) => {
        at(15);
        await ready();
        await restart();
        at(30, true);
      },
    ],
    [
      'that was away at its end',
      async ({ at, ready, restart }) => {
        at(15);
        await ready();
        at(30, true);
        // this process has caught up with it once
        expect(await ready()).toBeUndefined();
        await restart();
      },
    ],
    [
      'whose end was written with another key',
      async ({ at, ready, restart }) => {
        await restart('another');
        at(30);
        await ready();
        at(30, true);
      },
    ],
    [
      'whose end somebody has written in',
      async ({ at, ready, restart, state }) => {
        at(15);
        await ready();
        await state.write(NAME, { text: `${'0'.repeat(64)} ${NAME} 21\n`, version: undefined }, signal);
        await restart();
        at(30, true);
      },
    ],
  ])('needs a shard %s', async (_what, prepare) => {
    const scene = setUp();
    await prepare(scene);
    await scene.restart();
    expect([await scene.ready(), await scene.turn()]).toEqual(['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE']);
  });
});

import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { LogFields } from '../../../src/observe/log.ts';
import { joinHistories } from '../../../src/protocol/join-histories.ts';
import type { StateStore } from '../../../src/protocol/ports.ts';
import { makeTailFloor } from '../../../src/protocol/tail-floor.ts';
import { makeTail } from '../../../src/protocol/tail.ts';
import { makeTileHistory } from '../../../src/protocol/tile-history.ts';
import { makeMemoryState } from '../../support/memory-state.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog, ownOfTreeLog, type TreeLog } from '../../support/tree-log.ts';

const { signal } = new AbortController();

/** One process, which keeps nothing but the floor. */
function start(log: TreeLog, state: StateStore) {
  const events: [string, LogFields][] = [];
  const logger = {
    ...SILENT,
    error: (event: string, fields: LogFields) => void events.push([event, fields]),
  };
  const floor = makeTailFloor({ state, log: log.trust, logger });
  const { origin } = log.trust;
  const tail = makeTail({
    reader: log.reader,
    verifier: ownOfTreeLog,
    logger,
    origin,
    lifetime: signal,
    floor,
  });
  return { tail, floor, events };
}

/** A log that has proven a record with its tree of 10 leaves, to a process that read 8 of them and was killed. */
async function provenScene() {
  const log = makeTreeLog();
  log.addOthers(8);
  const state = makeMemoryState();
  const killed = start(log, state);
  await killed.tail.ready(signal);
  log.addOwn('claim');
  log.addOwn('binding');
  await killed.floor.raise(log.checkpoint().note, signal);
  return { log, state };
}

describe('makeTailFloor', () => {
  it('lets a log go on that has only grown', async () => {
    const { log, state } = await provenScene();
    log.addOthers(5);
    const { tail, events } = start(log, state);
    await tail.ready(signal);
    expect([tail.position().treeSize, tail.fork(), events]).toEqual([15, undefined, []]);
  });

  it('refuses a log that was set back to before the last record, until it shows that again', async () => {
    const { log, state } = await provenScene();
    const [binding, claim] = [log.leaves.pop(), log.leaves.pop()];
    const { tail, events } = start(log, state);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    expect(await codeOf(() => tail.follow(signal))).toBe('LOG_FORKED');
    expect(tail.fork()?.code).toBe('LOG_FORKED');
    expect(events).toEqual([['log.forked', { origin: 'tree.test', treeSize: 8 }]]);
    log.leaves.push(...[claim, binding].flatMap((leaf) => leaf ?? []));
    await tail.ready(signal);
    expect([tail.position().treeSize, tail.fork()]).toEqual([10, undefined]);
  });

  it.each([0, 1, 300])(
    'refuses for ever a log that was set back and has grown by %d leaves beyond what it was',
    async (more) => {
      const { log, state } = await provenScene();
      log.leaves.splice(-1);
      log.addOthers(1 + more);
      const { tail } = start(log, state);
      expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
      expect(tail.position().treeSize).toBe(0);
      expect(await codeOf(() => start(log, state).tail.ready(signal))).toBe('LOG_FORKED');
    },
  );

  it('is not held against a head that was asked for before a record was proven', async () => {
    const { log, state } = await provenScene();
    const { tail, floor } = start(log, state);
    await tail.ready(signal);
    log.addOthers(2);
    await floor.raise(log.checkpoint().note, signal);
    log.leaves.splice(-2);
    await tail.ready(signal);
    expect(tail.fork()).toBeUndefined();
  });

  it('keeps the largest tree, whoever raises it in whatever order', async () => {
    const order = fc.array(fc.record({ by: fc.nat({ max: 2 }), size: fc.integer({ min: 1, max: 12 }) }), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(order, async (raises) => {
        const log = makeTreeLog();
        const notes = Array.from({ length: 13 }, () => {
          const { note } = log.checkpoint();
          log.addOthers(1);
          return note;
        });
        const state = makeMemoryState();
        const floors = [0, 1, 2].map(() => start(log, state).floor);
        await Promise.all(raises.map(async ({ by, size }) => floors[by]?.raise(notes[size] ?? '', signal)));
        const kept = await start(log, state).floor.load(signal);
        expect(kept?.treeSize).toBe(Math.max(...raises.map(({ size }) => size)));
      }),
      { numRuns: 50 },
    );
  });

  it('writes once for all that are raised at once, and not at all for what is below', async () => {
    const log = makeTreeLog();
    let writes = 0;
    const inner = makeMemoryState();
    const state: StateStore = {
      ...inner,
      write(...args) {
        writes += 1;
        return inner.write(...args);
      },
    };
    const { floor } = start(log, state);
    const notes = Array.from({ length: 20 }, () => {
      log.addOthers(1);
      return log.checkpoint().note;
    });
    await Promise.all(notes.map(async (note) => floor.raise(note, signal)));
    expect(writes).toBeLessThanOrEqual(2);
    await floor.raise(notes[3] ?? '', signal);
    expect(writes).toBeLessThanOrEqual(2);
  });

  it('refuses what the log has not signed, and tells when such a thing was put into the store', async () => {
    const { log, state } = await provenScene();
    const forger = makeTreeLog();
    forger.addOthers(99);
    const { floor } = start(log, state);
    expect(await codeOf(() => floor.raise(forger.checkpoint().note, signal))).toBe('LOG_PROOF_INVALID');
    let text = forger.checkpoint().note;
    const broken: StateStore = {
      read: async () => ({ text, version: '1' }),
      write: async (_, document) => {
        ({ text } = document);
        return 'written';
      },
    };
    const fresh = start(log, broken);
    await fresh.tail.ready(signal);
    expect(fresh.events).toMatchObject([['log.snapshotInvalid', { code: 'LOG_PROOF_INVALID' }]]);
    const { note } = log.checkpoint();
    await fresh.floor.raise(note, signal);
    expect(text).toBe(note);
  });

  it('is told to the shard that has signed it, of all that are joined', async () => {
    const state = makeMemoryState();
    const scenes = ['old.test', 'new.test'].map((origin) => {
      const log = makeTreeLog(origin);
      log.addOthers(3);
      const { tail, floor } = start(log, state);
      const reader = { ...log.reader, bundleAt: () => Promise.reject(new Error('never asked')) };
      const verifier = { own: async () => undefined };
      return { log, floor, history: makeTileHistory({ tail, reader, verifier, floor }) };
    });
    const [earlier, active] = scenes;
    if (earlier === undefined || active === undefined) throw new Error('two scenes');
    const joined = joinHistories(active.history, [earlier.history]);
    await joined.holdTo?.(earlier.log.checkpoint().note, signal);
    expect([earlier.floor.newest()?.origin, active.floor.newest()]).toEqual(['old.test', undefined]);
  });
});

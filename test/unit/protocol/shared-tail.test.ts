import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LogFields } from '../../../src/observe/log.ts';
import type { StateStore } from '../../../src/protocol/ports.ts';
import { makeSharedTail } from '../../../src/protocol/shared-tail.ts';
import { makeTailFloor } from '../../../src/protocol/tail-floor.ts';
import { makeTailLease } from '../../../src/protocol/tail-lease.ts';
import { makeTailSnapshots } from '../../../src/protocol/tail-snapshot.ts';
import { makeMemoryState } from '../../support/memory-state.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog, ownOfTreeLog, type TreeLog } from '../../support/tree-log.ts';

const { signal } = new AbortController();

interface Wish {
  readonly log: TreeLog;
  readonly state: StateStore;
  readonly holder?: string;
  readonly key?: string;
  readonly watched?: readonly string[];
  readonly reader?: TreeLog['reader'];
}

/** One process that follows the log. */
function start({ log, state, holder, key = 'secret', watched = ['us'], reader = log.reader }: Wish) {
  const events: [string, LogFields][] = [];
  const logger = {
    ...SILENT,
    error: (event: string, fields: LogFields) => void events.push([event, fields]),
  };
  let now = 0;
  const clock = { monotonicMs: () => now };
  const lease =
    holder === undefined
      ? {}
      : { lease: makeTailLease({ state, name: 'lease', holder, clock, periodMs: 1_000 }) };
  const floor = makeTailFloor({ state, log: log.trust, logger });
  const shared = makeSharedTail({
    reader,
    verifier: ownOfTreeLog,
    logger,
    origin: log.trust.origin,
    lifetime: signal,
    snapshots: makeTailSnapshots({ state, log: log.trust, watched, key: Buffer.from(key), logger }),
    clock,
    floor,
    ...lease,
  });
  const size = () => shared.tail.position().treeSize;
  const knows = (statement: string) => shared.tail.own().over(statementDigest(statement)).length > 0;
  return { ...shared, events, size, knows, floor, wait: (ms: number) => (now += ms) };
}

/** A store in which documents can be changed by hand. */
function openState() {
  const inner = makeMemoryState();
  const names = new Set<string>();
  const state: StateStore = {
    read: (name, until) => inner.read(name, until),
    write(name, document, until) {
      names.add(name);
      return inner.write(name, document, until);
    },
  };
  async function edit(part: RegExp, change: (text: string) => string): Promise<void> {
    const name = [...names].find((each) => part.test(each));
    const document = name === undefined ? undefined : await inner.read(name, signal);
    if (name === undefined || document === undefined) throw new Error(`no document ${String(part)}`);
    await inner.write(name, { text: change(document.text), version: document.version }, signal);
  }
  return { state, names, edit };
}

/** A log with leaves of ours at both ends, and a store where it was read and saved. */
async function savedScene(others = 3_000) {
  const log = makeTreeLog();
  log.addOwn('first');
  log.addOthers(others);
  log.addOwn('last');
  const store = openState();
  const before = start({ log, state: store.state });
  await before.tail.ready(signal);
  await before.close(signal);
  return { log, ...store };
}

describe('makeSharedTail', () => {
  it('goes on where an earlier process has stopped', async () => {
    const { log, state } = await savedScene();
    const read = log.readCount();
    log.addOwn('new');
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect(log.readCount() - read).toBe(1);
    expect(again.size()).toBe(3_003);
    expect(['first', 'last', 'new', 'other'].map(again.knows)).toEqual([true, true, true, false]);
  });

  it('saves now and then while it reads, so that a killed process has not read for nothing', async () => {
    const log = makeTreeLog();
    log.addOwn('first');
    log.addOthers(50_000);
    const { state } = openState();
    const broken = {
      ...log.reader,
      async *leaves(from: number, to: number) {
        for await (const batch of log.reader.leaves(from, to, signal)) {
          if (batch.start > 45_000) throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'gone' });
          yield batch;
        }
      },
    };
    const killed = start({ log, state, reader: broken });
    expect(await codeOf(() => killed.tail.ready(signal))).toBe('LOG_UNAVAILABLE');
    expect(killed.size()).toBe(0);
    expect(killed.knows('first')).toBe(false);
    const read = log.readCount();
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect(log.readCount() - read).toBeLessThan(12_000);
    expect([again.size(), again.knows('first')]).toEqual([50_001, true]);
  });

  it('reads once more what was read and not verified, before it says that the log has lied', async () => {
    const log = makeTreeLog();
    log.addOthers(30_000);
    const { state } = openState();
    let isWrong = true;
    const flaky = {
      ...log.reader,
      async *leaves(from: number, to: number) {
        for await (const { start: at, entries } of log.reader.leaves(from, to, signal)) {
          if (isWrong && at > 25_000) throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'gone' });
          yield { start: at, entries: isWrong ? entries.map(() => Buffer.from('own wrong')) : entries };
        }
      },
    };
    const { tail, knows, size } = start({ log, state, reader: flaky });
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_UNAVAILABLE');
    isWrong = false;
    await tail.ready(signal);
    expect([size(), knows('wrong')]).toEqual([30_000, false]);
    expect(tail.fork()).toBeUndefined();
  });

  it.each<[string, (log: TreeLog) => void]>([
    ['was replaced', ({ leaves }) => leaves.fill(Buffer.from('another log'))],
    [
      'has another leaf, and grew',
      ({ leaves }) => leaves.splice(7, 1, Buffer.from('forged'), Buffer.from('more')),
    ],
    ['has another last leaf', ({ leaves }) => void leaves.splice(-1, 1, Buffer.from('forged'))],
    ['shrank', ({ leaves }) => void leaves.pop()],
    ['is empty', ({ leaves }) => void leaves.splice(0)],
  ])('refuses a log that %s while nobody watched', async (_, change) => {
    const { log, state } = await savedScene(100);
    change(log);
    const again = start({ log, state });
    expect(await codeOf(() => again.tail.ready(signal))).toBe('LOG_FORKED');
    expect(again.events).toMatchObject([['log.forked', { treeSize: 102 }]]);
    await again.close(signal);
    expect(await codeOf(() => start({ log, state }).tail.ready(signal))).toBe('LOG_FORKED');
  });

  it.each<[string, RegExp, (text: string) => string]>([
    ['the position', /head$/, (text) => text.replace('"size":3002', '"size":3001')],
    ['the number of leaves', /head$/, (text) => text.replace('"leaves":2,"chain"', '"leaves":1,"chain"')],
    ['the seal', /head$/, (text) => text.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))],
    ['all of the head', /head$/, () => 'x'],
    ['a leaf', /-0$/, (text) => `A${text.slice(1)}B`],
    ['the block, which is empty', /-0$/, () => ''],
  ])('reads all anew, and says so, when somebody has changed %s', async (_, part, change) => {
    const { log, state, edit } = await savedScene();
    await edit(part, change);
    const read = log.readCount();
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect(log.readCount() - read).toBe(3_002);
    expect(['first', 'last'].map(again.knows)).toEqual([true, true]);
    expect(again.events).toMatchObject([['log.snapshotInvalid', { origin: 'tree.test' }]]);
    again.wait(10_000);
    log.addOthers(1);
    await again.tail.ready(signal);
    const healed = start({ log, state });
    await healed.tail.ready(signal);
    expect(healed.events).toEqual([]);
    expect(['first', 'last'].map(healed.knows)).toEqual([true, true]);
  });

  it('takes over no snapshot that was written with another key, nor one for other keys of ours', async () => {
    const { log, state } = await savedScene();
    const stranger = start({ log, state, key: 'another' });
    await stranger.tail.ready(signal);
    expect(stranger.events).toMatchObject([['log.snapshotInvalid', {}]]);
    const read = log.readCount();
    const rotated = start({ log, state, watched: ['us', 'our new key'] });
    await rotated.tail.ready(signal);
    expect(rotated.events).toEqual([]);
    expect(log.readCount() - read).toBe(3_002);
  });

  it('never sets back what another process has saved', async () => {
    const log = makeTreeLog();
    log.addOwn('first');
    const { state } = openState();
    const slow = start({ log, state });
    await slow.tail.ready(signal);
    log.addOwn('second');
    const fast = start({ log, state });
    await fast.tail.ready(signal);
    await fast.close(signal);
    await slow.close(signal);
    const read = log.readCount();
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect([again.size(), log.readCount() - read]).toEqual([2, 0]);
  });

  it('finds a head that was saved before a crash although its last block was written again since', async () => {
    const { log, state, names } = await savedScene(10);
    const head = [...names].find((name) => name.endsWith('-head')) ?? '';
    log.addOwn('more');
    const killed = start({
      log,
      state: {
        ...state,
        write: (name, document, until) =>
          name === head ? Promise.reject(new Error('killed')) : state.write(name, document, until),
      },
    });
    await killed.tail.ready(signal);
    await killed.close(signal);
    const read = log.readCount();
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect(again.events).toEqual([]);
    expect(log.readCount() - read).toBe(1);
    expect(again.knows('more')).toBe(true);
  });

  it('keeps more leaves of ours than one document holds, and saves only what is new', async () => {
    const log = makeTreeLog();
    for (let i = 0; i < 5_000; i += 1) log.addOwn(`tag ${i}`);
    const { state } = openState();
    const writes: string[] = [];
    const counting: StateStore = {
      ...state,
      write(name, document, until) {
        writes.push(name.replace(/^.*-/, ''));
        return state.write(name, document, until);
      },
    };
    const one = start({ log, state: counting });
    await one.tail.ready(signal);
    await one.close(signal);
    log.addOwn('one more');
    await one.tail.ready(signal);
    await one.close(signal);
    expect(writes).toEqual(['0', '1', '2', 'head', '2', 'head']);
    const again = start({ log, state });
    await again.tail.ready(signal);
    expect(['tag 0', 'tag 4999', 'one more'].map(again.knows)).toEqual([true, true, true]);
  });

  it('reads the log in one process for all, and the others take over what it saves', async () => {
    const log = makeTreeLog();
    log.addOthers(300);
    const { state } = openState();
    const leader = start({ log, state, holder: 'a' });
    const other = start({ log, state, holder: 'b' });
    for (const each of [leader, other, leader, other]) {
      each.wait(10_000);
      await each.turn(signal);
    }
    expect([leader.size(), other.size()]).toEqual([300, 300]);
    expect(log.readCount()).toBe(300);
    log.addOwn('new');
    await other.tail.ready(signal);
    expect([other.size(), other.knows('new'), log.readCount()]).toEqual([301, true, 301]);
    log.addOthers(3_000);
    for (let turns = 0; turns < 2; turns += 1) {
      leader.wait(10_000);
      await leader.turn(signal);
    }
    log.addOthers(1);
    await other.tail.ready(signal);
    expect([leader.size(), other.size(), log.readCount()]).toEqual([3_301, 3_302, 3_302]);
    await leader.close(signal);
    await other.turn(signal);
    log.addOthers(1);
    await other.turn(signal);
    expect(other.size()).toBe(3_303);
  });

  /** Two views of one log, and a process that was shown the one and has saved it. */
  async function splitView() {
    const log = makeTreeLog();
    log.addOthers(300);
    const fork = log.fork();
    const { state } = openState();
    const blind = start({ log: fork, state });
    log.addOwn('shown to one');
    fork.addOwn('shown to the other');
    await blind.tail.ready(signal);
    const one = start({ log, state, holder: 'a' });
    await one.turn(signal);
    await one.close(signal);
    return { fork, state, blind };
  }

  it.each([0, 1])('finds out that another process was shown another tree, %d leaves later', async (later) => {
    const { fork, state, blind } = await splitView();
    fork.addOthers(later);
    const fresh = start({ log: fork, state });
    expect(await codeOf(() => fresh.tail.ready(signal))).toBe('LOG_FORKED');
    expect(await codeOf(() => blind.tail.follow(signal))).toBe('LOG_FORKED');
    expect(blind.tail.fork()?.code).toBe('LOG_FORKED');
    expect(blind.events).toMatchObject([['log.forked', {}]]);
  });

  it('finds out at a save, too, that another process was shown another tree', async () => {
    const { state, blind } = await splitView();
    blind.wait(10_000);
    expect(await codeOf(() => blind.tail.ready(signal))).toBe('LOG_FORKED');
    await blind.close(signal);
    expect(await state.read('lease', signal)).toMatchObject({ text: '' });
  });

  it('goes on without a store that fails while it saves, and starts not without one', async () => {
    const log = makeTreeLog();
    log.addOthers(10);
    const { state } = openState();
    const down = () => Promise.reject(new AppError({ code: 'STORE_UNAVAILABLE', message: 'down' }));
    const readOnly = start({ log, state: { ...state, write: down } });
    await readOnly.tail.ready(signal);
    await readOnly.close(signal);
    expect(readOnly.size()).toBe(10);
    const blind = start({ log, state: { ...state, read: down } });
    expect(await codeOf(() => blind.tail.ready(signal))).toBe('STORE_UNAVAILABLE');
  });
});

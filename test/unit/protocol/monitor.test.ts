import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LeafVerifier, StateStore } from '../../../src/protocol/ports.ts';
import { monitor, type Monitored, type MonitorParts } from '../../../src/protocol/monitor.ts';
import { makeTailSnapshots } from '../../../src/protocol/tail-snapshot.ts';
import { makeMemoryState } from '../../support/memory-state.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog, ownBody, ownOfTreeLog, type TreeLog } from '../../support/tree-log.ts';

const leaves: LeafVerifier = {
  async ownLeaf(body) {
    const digest = ownOfTreeLog.candidate(body);
    if (digest === undefined || Buffer.from(body).toString('utf8').startsWith('fake ')) return undefined;
    return { statementDigest: digest, verifier: { kind: 'publicKey', spki: '' } };
  },
};

interface Wish extends Partial<MonitorParts> {
  readonly log: TreeLog;
  readonly state?: StateStore;
}

function watch({ log, state, ...more }: Wish, signal = new AbortController().signal) {
  const snapshots =
    state &&
    makeTailSnapshots({ state, log: log.trust, watched: ['them'], key: Buffer.alloc(0), logger: SILENT });
  const parts: MonitorParts = {
    reader: log.reader,
    verifier: ownOfTreeLog,
    leaves,
    logger: SILENT,
    origin: log.trust.origin,
    fromStart: false,
    once: true,
    intervalMs: 1_000,
    sleep: async () => undefined,
    ...(state && snapshots && { kept: { snapshots, state, name: 'told' } }),
    ...more,
  };
  return monitor(parts, signal);
}

/** `7`, `7 earlier` and `=9` for entries at 7 and a checkpoint of size 9. */
async function told(events: AsyncIterable<Monitored>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const event of events) {
    if (event.kind === 'entry') lines.push(`${event.index}${event.earlier === true ? ' earlier' : ''}`);
    if (event.kind === 'checkpoint') lines.push(`=${event.treeSize}`);
    if (event.kind === 'waiting') lines.push(event.code);
  }
  return lines;
}

function logWith(...statements: readonly string[]): TreeLog {
  const log = makeTreeLog();
  for (const statement of statements) {
    log.addOthers(1);
    log.addOwn(statement);
  }
  return log;
}

describe('monitor', () => {
  it('tells every entry of the watched signer from the start, and the checkpoint that proves them', async () => {
    const log = logWith('one', 'two');
    log.addFake('one');
    const events = [];
    for await (const event of watch({ log, fromStart: true })) events.push(event);
    const entry = (index: number, statement: string) => ({
      kind: 'entry',
      index,
      uuid: Buffer.from(leafHash(ownBody(statement))).toString('hex'),
      statementDigest: statementDigest(statement),
    });
    const { origin, treeSize, rootHash } = log.checkpoint();
    expect(events).toEqual([
      entry(1, 'one'),
      entry(3, 'two'),
      { kind: 'checkpoint', origin, treeSize, rootHash: Buffer.from(rootHash).toString('hex') },
    ]);
  });

  it('tells from the log’s end on without a start and without a state, and reads nothing before it', async () => {
    const log = logWith('one', 'two');
    log.addOthers(2_000);
    const stop = new AbortController();
    const sleep = async () => {
      if (log.leaves.length > 2_005) stop.abort();
      log.addOwn('three');
    };
    expect(await told(watch({ log, once: false, sleep }, stop.signal))).toEqual([
      '=2004',
      '2004',
      '=2005',
      '2005',
      '=2006',
    ]);
    expect(log.readCount()).toBeLessThan(1_000);
  });

  it('goes on where it was kept, and names what an earlier run has told', async () => {
    const log = logWith('one', 'two');
    const state = makeMemoryState();
    expect(await told(watch({ log, state, fromStart: true }))).toEqual(['1', '3', '=4']);
    log.addOwn('three');
    const read = log.readCount();
    expect(await told(watch({ log, state }))).toEqual(['1 earlier', '3 earlier', '4', '=5']);
    expect(log.readCount() - read).toBe(1 + 5);
    expect(await told(watch({ log, state, fromStart: true }))).toEqual(['1', '3', '4', '=5']);
  });

  it('tells an entry again that its reader was not told to the end', async () => {
    const log = logWith('one', 'two');
    const state = makeMemoryState();
    for await (const event of watch({ log, state, fromStart: true })) if (event.kind === 'entry') break;
    expect(await told(watch({ log, state }))).toEqual(['1', '3', '=4']);
  });

  it('waits for a log that cannot be reached, and ends with the error when it reads once', async () => {
    const log = logWith('one');
    let outages = 2;
    const checkpoint = () => {
      outages -= 1;
      return outages >= 0 ? raise() : log.reader.checkpoint(stop.signal);
    };
    const stop = new AbortController();
    const sleep = async () => {
      // once more at the end of the log: nothing new is nothing to tell
      if (outages < -1) stop.abort();
    };
    const wish = { log, fromStart: true, reader: { ...log.reader, checkpoint } };
    const running = watch({ ...wish, once: false, sleep }, stop.signal);
    expect(await told(running)).toEqual(['LOG_UNAVAILABLE', 'LOG_UNAVAILABLE', '1', '=2']);
    outages = 1;
    expect(await codeOf(() => told(watch(wish)))).toBe('LOG_UNAVAILABLE');
  });

  it.each<[string, (log: TreeLog) => void]>([
    ['shrank', ({ leaves: all }) => void all.pop()],
    ['has another leaf', ({ leaves: all }) => void all.splice(0, 1, Buffer.from('forged'))],
    [
      'has another leaf, and grew',
      ({ leaves: all }) => void all.splice(0, 1, Buffer.from('forged'), Buffer.from('more')),
    ],
  ])('ends with LOG_FORKED when the log %s since it was kept', async (_, change) => {
    const log = logWith('one', 'two');
    const state = makeMemoryState();
    await told(watch({ log, state, fromStart: true }));
    change(log);
    expect(await codeOf(() => told(watch({ log, state })))).toBe('LOG_FORKED');
  });

  it('ends at once, and well, when it is stopped', async () => {
    expect(await told(watch({ log: logWith('one'), once: false }, AbortSignal.abort()))).toEqual([]);
  });
});

function raise(): never {
  throw new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' });
}

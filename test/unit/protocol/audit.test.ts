import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import type { RecordPhase, TagRecord } from '../../../src/ledger/record.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { LogFields } from '../../../src/observe/log.ts';
import { makeAuditor, type AuditReport } from '../../../src/protocol/audit.ts';
import type { EvidenceVerifier, LeafVerifier, RecordStore } from '../../../src/protocol/ports.ts';
import { makeTail } from '../../../src/protocol/tail.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { SILENT } from '../../support/test-log.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog, ownBody, ownOfTreeLog, type TreeLog } from '../../support/tree-log.ts';

const { signal } = new AbortController();

/** A bundle says where its entry stands; one that says nothing is bad evidence. */
const verifier: Pick<EvidenceVerifier, 'own' | 'verify' | 'leafHash'> & LeafVerifier = {
  leafHash: ({ statement }) => Buffer.from(leafHash(ownBody(statement))).toString('hex'),
  async verify({ bundle: { index, logId } }) {
    if (typeof index !== 'number') throw new AppError({ code: 'RECORD_INVALID', message: 'bad bundle' });
    return { logIndex: index, logId: String(logId), uuid: '', checkpoint: '' };
  },
  own: async (statement, body) =>
    Buffer.from(body).equals(ownBody(statement)) ? sampleRecord().claim : undefined,
  async ownLeaf(body) {
    const digest = ownOfTreeLog.candidate(body);
    if (digest === undefined || Buffer.from(body).toString('utf8').startsWith('fake ')) return undefined;
    return { statementDigest: digest, verifier: sampleRecord().claim.verifier };
  },
};

const NOTHING: AuditReport = {
  records: 0,
  confirmed: 0,
  unexplained: 0,
  unlogged: 0,
  conflicted: 0,
  invalid: 0,
};

interface Scene {
  readonly log: TreeLog;
  readonly store: RecordStore;
  readonly earlier?: readonly TreeLog[];
}

async function auditorOf({ log, store, earlier = [] }: Scene) {
  const events: [string, LogFields][] = [];
  const logger = {
    ...SILENT,
    error: (event: string, fields: LogFields) => void events.push([event, fields]),
  };
  const logs = [...earlier, log].map(({ reader, trust: { origin } }) => ({
    tail: makeTail({ reader, verifier: ownOfTreeLog, logger: SILENT, origin, lifetime: signal }),
    reader,
    logId: `id of ${origin}`,
  }));
  const auditor = makeAuditor({ logs, store, verifier, leaves: verifier, logger });
  for (const { tail } of logs) await tail.ready(signal);
  return {
    events,
    run: () => auditor.run(signal),
    follow: () => Promise.all(logs.map(({ tail }) => tail.follow(signal))),
  };
}

/** The record as it is once the log has promised these indexes. */
function logged(
  record: TagRecord,
  [claimIndex, bindingIndex]: readonly [number, number],
  origin = 'tree.test',
): TagRecord {
  const bundle = (index: number) => ({ index, logId: `id of ${origin}` });
  return {
    ...record,
    phase: 'Logged',
    claim: { ...record.claim, bundle: bundle(claimIndex) },
    binding: { ...record.binding, bundle: bundle(bindingIndex) },
    log: { kind: 'rekor-v2', url: '', origin, index: bindingIndex, uuid: '' },
  };
}

const reservedAt = (treeSize: number, origin = 'tree.test') => ({ reservedAt: { origin, treeSize } });
const reserved = sampleRecord('docker.io/library/alpine:3.16', reservedAt(0));

async function storeOf(...records: readonly TagRecord[]): Promise<RecordStore> {
  const store = makeMemoryStore();
  for (const record of records) await store.reserve(record, signal);
  return store;
}

async function phaseOf(store: RecordStore, { claimId }: TagRecord): Promise<RecordPhase | undefined> {
  return (await store.find(claimId, signal))?.record.phase;
}

describe('makeAuditor', () => {
  it('takes the claim before a generation for explained, and a binding that no record has for a lost record', async () => {
    const log = makeTreeLog();
    log.addOwn(reserved.claim.statement);
    const next = sampleRecord(reserved.reference, { generation: 1, digest: digestOfB, ...reservedAt(1) });
    const store = await storeOf(logged(next, [1, 2]));
    for (const { statement } of [next.claim, next.binding]) log.addOwn(statement);
    const { run, follow } = await auditorOf({ log, store });
    expect(await run()).toMatchObject({ confirmed: 1, unexplained: 0 });
    log.addOwn(reserved.binding.statement);
    await follow();
    expect(await run()).toMatchObject({ unexplained: 1 });
  });

  it('confirms a record once the log was read past both of its entries', async () => {
    const log = makeTreeLog();
    log.addOthers(3);
    log.addOwn(reserved.claim.statement);
    const store = await storeOf(logged(reserved, [3, 4]));
    const { run, follow, events } = await auditorOf({ log, store });
    expect(await run()).toEqual({ ...NOTHING, records: 1 });
    expect(await phaseOf(store, reserved)).toBe('Logged');
    log.addOwn(reserved.binding.statement);
    await follow();
    expect(await run()).toEqual({ ...NOTHING, records: 1, confirmed: 1 });
    expect(await phaseOf(store, reserved)).toBe('Confirmed');
    expect(await run()).toEqual({ ...NOTHING, records: 1 });
    expect(events).toEqual([]);
  });

  it.each<[string, (log: TreeLog) => void]>([
    ['a stranger’s leaf', (log) => log.addOthers(2)],
    ['our other leaf', (log) => [0, 1].forEach(() => log.addOwn(reserved.claim.statement))],
  ])('refuses a record where %s stands in the place of its binding', async (_, fill) => {
    const log = makeTreeLog();
    log.addOwn(reserved.claim.statement);
    fill(log);
    const store = await storeOf(logged(reserved, [0, 1]));
    const { run, events } = await auditorOf({ log, store });
    expect(await run()).toMatchObject({ unlogged: 1, confirmed: 0 });
    expect(await phaseOf(store, reserved)).toBe('Unlogged');
    expect(events).toMatchObject([['record.unlogged', { reference: reserved.reference, index: 1 }]]);
    expect(await run()).toMatchObject({ unlogged: 1 });
    expect(events).toHaveLength(1);
  });

  it('looks again at a record that calls itself confirmed and is not in its place', async () => {
    const log = makeTreeLog();
    log.addOthers(5);
    const store = await storeOf({ ...logged(reserved, [0, 1]), phase: 'Confirmed' });
    const { run } = await auditorOf({ log, store });
    expect(await run()).toMatchObject({ unlogged: 1 });
  });

  it.each<{
    readonly of: string;
    readonly leaves: readonly ('claim' | 'binding')[];
    readonly record: TagRecord;
    readonly found: Partial<AuditReport>;
    readonly phase: RecordPhase;
  }>([
    {
      of: 'an older claim',
      leaves: ['claim'],
      record: { ...reserved, ...reservedAt(1) },
      found: { conflicted: 1 },
      phase: 'Conflicted',
    },
    {
      of: 'an older claim and binding',
      leaves: ['claim', 'binding'],
      record: { ...reserved, ...reservedAt(2) },
      found: {},
      phase: 'Reserved',
    },
    { of: 'a claim that is not older', leaves: ['claim'], record: reserved, found: {}, phase: 'Reserved' },
    {
      of: 'an older claim and a later binding',
      leaves: ['claim', 'binding'],
      record: { ...reserved, ...reservedAt(1) },
      found: { conflicted: 1 },
      phase: 'Conflicted',
    },
    {
      of: 'an older claim and a binding with another digest',
      leaves: ['claim', 'binding'],
      record: sampleRecord(reserved.reference, { ...reservedAt(2), digest: digestOfB }),
      found: { conflicted: 1, unexplained: 1 },
      phase: 'Conflicted',
    },
    {
      of: 'an older claim below a position that was not reached',
      leaves: ['claim'],
      record: { ...reserved, ...reservedAt(9) },
      found: {},
      phase: 'Reserved',
    },
  ])('finds $found of a reservation with $of', async ({ leaves, record, found, phase }) => {
    const log = makeTreeLog();
    for (const kind of leaves) log.addOwn(reserved[kind].statement);
    const store = await storeOf(record);
    const { run } = await auditorOf({ log, store });
    expect(await run()).toEqual({ ...NOTHING, records: 1, ...found });
    expect(await phaseOf(store, record)).toBe(phase);
  });

  it('does not refuse a reservation for an older leaf that only carries our key', async () => {
    const log = makeTreeLog();
    log.addFake(reserved.claim.statement);
    const store = await storeOf({ ...reserved, ...reservedAt(1) });
    const { run } = await auditorOf({ log, store });
    expect(await run()).toEqual({ ...NOTHING, records: 1 });
  });

  it('counts every leaf of an earlier shard as older than a reservation in a later one', async () => {
    const [old, log] = [makeTreeLog('old.test'), makeTreeLog()];
    old.addOthers(5);
    old.addOwn(reserved.claim.statement);
    const store = await storeOf(reserved);
    const { run } = await auditorOf({ log, store, earlier: [old] });
    expect(await run()).toMatchObject({ conflicted: 1 });
  });

  it('confirms a record in the shard that its bundle names, and leaves one alone that is in no log read here', async () => {
    const [old, log] = [makeTreeLog('old.test'), makeTreeLog()];
    old.addOwn(reserved.claim.statement);
    old.addOwn(reserved.binding.statement);
    const inOld = { ...reserved, ...reservedAt(0, 'old.test') };
    const elsewhere = sampleRecord('docker.io/library/busybox:1', reservedAt(0, 'elsewhere.test'));
    const store = await storeOf(
      logged(inOld, [0, 1], 'old.test'),
      logged(elsewhere, [0, 1], 'elsewhere.test'),
    );
    const { run } = await auditorOf({ log, store, earlier: [old] });
    expect(await run()).toEqual({ ...NOTHING, records: 2, confirmed: 1 });
    expect(await phaseOf(store, elsewhere)).toBe('Logged');
  });

  it('tells a leaf of ours that no record explains once, and counts it for good', async () => {
    const log = makeTreeLog();
    log.addOwn('nobody knows this');
    log.addFake('signed by a stranger');
    const { run, events } = await auditorOf({ log, store: await storeOf() });
    expect(await run()).toEqual({ ...NOTHING, unexplained: 1 });
    expect(await run()).toEqual({ ...NOTHING, unexplained: 1 });
    expect(events).toEqual([
      [
        'log.unexplained',
        { origin: 'tree.test', index: 0, statementDigest: statementDigest('nobody knows this') },
      ],
    ]);
  });

  it('takes later copies of an own statement for what they are: harmless', async () => {
    const log = makeTreeLog();
    for (let copies = 0; copies < 3; copies += 1) {
      log.addOwn(reserved.claim.statement);
      log.addOwn(reserved.binding.statement);
    }
    const { run, events } = await auditorOf({ log, store: await storeOf(logged(reserved, [0, 1])) });
    expect(await run()).toEqual({ ...NOTHING, records: 1, confirmed: 1 });
    expect(events).toEqual([]);
  });

  it('reads the leaves before the records, so that a tag recorded meanwhile is no alarm', async () => {
    const log = makeTreeLog();
    const store = await storeOf();
    const racing: RecordStore = {
      ...store,
      async *list(until) {
        yield* store.list(until);
        log.addOwn(reserved.claim.statement);
        await follow();
      },
    };
    const { run, follow } = await auditorOf({ log, store: racing });
    expect(await run()).toEqual(NOTHING);
  });

  it('goes on after a record that cannot be read or does not verify', async () => {
    const log = makeTreeLog();
    const other = sampleRecord('docker.io/library/busybox:1', reservedAt(0));
    const bad: TagRecord = { ...logged(other, [0, 1]), claim: { ...other.claim, bundle: {} } };
    for (const { statement } of [reserved.claim, reserved.binding]) log.addOwn(statement);
    const store = await storeOf(bad, logged(reserved, [0, 1]));
    const broken: RecordStore = {
      ...store,
      async *list(until) {
        yield { name: 't-1', error: new AppError({ code: 'RECORD_INVALID', message: 'unreadable' }) };
        yield* store.list(until);
      },
    };
    const { run, events } = await auditorOf({ log, store: broken });
    expect(await run()).toEqual({ ...NOTHING, records: 3, confirmed: 1, invalid: 2 });
    expect(events).toMatchObject([
      ['record.invalid', { record: 't-1', code: 'RECORD_INVALID' }],
      ['record.invalid', { reference: other.reference }],
    ]);
  });

  it('writes nothing over what another process has written meanwhile', async () => {
    const log = makeTreeLog();
    for (const { statement } of [reserved.claim, reserved.binding]) log.addOwn(statement);
    const store = await storeOf(logged(reserved, [0, 1]));
    const { run } = await auditorOf({ log, store: { ...store, update: async () => 'conflict' } });
    expect(await run()).toEqual({ ...NOTHING, records: 1 });
  });

  it('is no answer when the log or the store cannot be asked, nor for a log that has lied', async () => {
    const log = makeTreeLog();
    log.addOwn('unknown');
    const down: TreeLog = {
      ...log,
      reader: { ...log.reader, leaves: () => raise('LOG_UNAVAILABLE') },
    };
    const store = await storeOf();
    const honest = await auditorOf({ log, store });
    const tail = makeTail({
      reader: log.reader,
      verifier: ownOfTreeLog,
      logger: SILENT,
      origin: 'tree.test',
      lifetime: signal,
    });
    await tail.ready(signal);
    const logs = [{ tail, reader: down.reader, logId: 'id' }];
    const blind = makeAuditor({ logs, store, verifier, leaves: verifier, logger: SILENT });
    expect(await codeOf(() => blind.run(signal))).toBe('LOG_UNAVAILABLE');
    const full = await storeOf({ ...logged(reserved, [0, 0]), ...reservedAt(0) });
    const update = async () => raise('STORE_UNAVAILABLE');
    const readOnly = await auditorOf({ log, store: { ...full, update } });
    expect(await codeOf(readOnly.run)).toBe('STORE_UNAVAILABLE');
    log.leaves.pop();
    expect(await codeOf(honest.follow)).toBe('LOG_FORKED');
    expect(await codeOf(honest.run)).toBe('LOG_FORKED');
  });
});

function raise(code: ErrorCode): never {
  throw new AppError({ code, message: 'down' });
}

import { describe, expect, it } from '@jest/globals';
import type { RecordRequest } from '../../../src/check/ports.ts';
import { statementDigest } from '../../../src/ledger/statement.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import type { TagReference } from '../../../src/reference/reference.ts';
import { wireLedger, type LedgerPorts } from '../../support/ledger-setup.ts';
import { makeMemoryLog } from '../../support/memory-log.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const LEDGERS = 4;
const TAGS = 50;
const BOUND_MS = 3_000;
const tags = Array.from({ length: TAGS }, (_, i) => tagReference(`alpine:${i}`));

function request(reference: TagReference, change: Partial<RecordRequest> = {}): RecordRequest {
  return { reference, digest: digestOfA, origin: 'cli', waitFor: 'logged', ...change };
}

/** Processes on one store and one log, and every statement that any of them submits. */
function setUp() {
  const log = makeMemoryLog();
  const store = makeMemoryStore();
  const submitted: string[] = [];
  const writer: LedgerPorts['writer'] = {
    ...log.writer,
    submit(signed, until) {
      submitted.push(statementDigest(signed.statement));
      return log.writer.submit(signed, until);
    },
  };
  const process = (change: Partial<LedgerPorts> = {}) =>
    wireLedger({
      store,
      signer: log.keySigner(),
      verifier: log.verifier,
      writer,
      history: log.history(),
      ...change,
    });
  return { log, store, submitted, process };
}

/** Some time in which every other process gets as far as it can. */
const later = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A process that dies once it has reserved; resolves then. */
async function dieReserved(process: ReturnType<typeof setUp>['process'], reference: TagReference) {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const { ledger } = process({
    at(step) {
      if (step !== 'reserved') return undefined;
      resolve(undefined);
      return new Promise(() => undefined);
    },
  });
  void ledger.record(request(reference), signal);
  await promise;
}

/** Counts the looks at a store. */
function counted(store: RecordStore) {
  const looks: string[] = [];
  const find: RecordStore['find'] = (claimId, until) => {
    looks.push(claimId);
    return store.find(claimId, until);
  };
  return { looks, store: { ...store, find } };
}

describe(`${LEDGERS} processes that are asked for ${TAGS} new tags at once`, () => {
  it('submit one claim and one binding of each tag, and say the same', async () => {
    const { log, submitted, process } = setUp();
    const ledgers = Array.from({ length: LEDGERS }, () => process({ sleep: later }).ledger);
    const asked = ledgers.flatMap((ledger, i) =>
      tags.map((tag) => ledger.record(request(tag, { digest: i % 2 === 0 ? digestOfA : digestOfB }), signal)),
    );
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter(({ found }) => !found.logged)).toEqual([]);
    expect(outcomes.filter(({ kind }) => kind === 'recorded')).toHaveLength(TAGS);
    const meanings = new Set(outcomes.map(({ found: { record } }) => `${record.reference} ${record.digest}`));
    expect(meanings.size).toBe(TAGS);
    expect(submitted).toHaveLength(2 * TAGS);
    expect(new Set(submitted).size).toBe(2 * TAGS);
    expect(log.entries).toHaveLength(2 * TAGS);
  });
});

describe('a reservation of another process', () => {
  const [tag = tagReference('alpine:1')] = tags;

  it('is published by who comes second once its maker has had its time, after few looks at the store', async () => {
    const { store, submitted, process } = setUp();
    await dieReserved(process, tag);
    const slept: number[] = [];
    const watched = counted(store);
    const { ledger } = process({
      store: watched.store,
      async sleep(ms) {
        expect(submitted).toEqual([]);
        slept.push(ms);
      },
    });
    const outcome = await ledger.record(request(tag, { digest: digestOfB }), signal);
    expect(outcome).toMatchObject({
      kind: 'existing',
      found: { logged: true, record: { digest: digestOfA } },
    });
    expect(submitted).toHaveLength(2);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(BOUND_MS);
    expect(slept).toEqual(slept.toSorted((a, b) => a - b));
    expect(watched.looks.length).toBeLessThan(12);
  });

  it('is not waited for where its publication was cut short in this very process', async () => {
    const { log, submitted, process } = setUp();
    const slept: number[] = [];
    const { ledger } = process({
      sleep: async (ms) => void slept.push(ms),
      at: (step) => (step === 'reserved' ? log.down(true) : undefined),
    });
    expect(await ledger.record(request(tag), signal)).toMatchObject({ kind: 'pending' });
    log.down(false);
    expect(await ledger.record(request(tag), signal)).toMatchObject({ found: { logged: true } });
    expect(slept).toEqual([]);
    expect(new Set(submitted).size).toBe(2);
  });

  it('is told as gone where somebody deletes it meanwhile', async () => {
    const { store, process } = setUp();
    await dieReserved(process, tag);
    let isGone = false;
    const find: RecordStore['find'] = (...asked) =>
      isGone ? Promise.resolve(undefined) : store.find(...asked);
    const { ledger } = process({
      store: { ...store, find },
      sleep: async () => {
        isGone = true;
      },
    });
    expect(await codeOf(() => ledger.record(request(tag), signal))).toBe('STORE_UNAVAILABLE');
  });

  it('is left alone by a process that stops', async () => {
    const { submitted, process } = setUp();
    await dieReserved(process, tag);
    const stop = new AbortController();
    const slept: number[] = [];
    const { ledger } = process({
      lifetime: stop.signal,
      sleep: async (ms) => {
        slept.push(ms);
        stop.abort();
      },
    });
    expect(await ledger.record(request(tag), signal)).toMatchObject({ kind: 'pending' });
    expect(slept).toHaveLength(1);
    expect(submitted).toEqual([]);
  });
});

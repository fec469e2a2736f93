import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordRequest } from '../../../src/check/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { TagRecord } from '../../../src/ledger/record.ts';
import { resumeReservations, retryUnfinished } from '../../../src/protocol/resume.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
import { isTagReference, parseReference } from '../../../src/reference/parse-reference.ts';
import type { TagReference } from '../../../src/reference/reference.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../src/rekor/embedded/embedded-log.ts';
import type { LogTransport } from '../../../src/rekor/transport.ts';
import { makeTestSigner, setUpLedger, silentLogger } from '../../support/ledger-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const signer = makeTestSigner();

function tag(text: string): TagReference {
  const reference = parseReference(text);
  if (!isTagReference(reference)) throw new Error(`${text} has no tag`);
  return reference;
}
const alpine = tag('alpine:3.16');

function request(digest = digestOfA, change: Partial<RecordRequest> = {}): RecordRequest {
  return { reference: alpine, digest, origin: 'cli', waitFor: 'logged', ...change };
}

let folder: TempFolder;
let log: EmbeddedLog;
let store: RecordStore;

beforeEach(async () => {
  folder = await makeTempFolder();
  log = await openEmbeddedLog({ dir: folder.path, logger: silentLogger });
  store = makeMemoryStore();
});

afterEach(async () => {
  await log.close();
  await folder[Symbol.asyncDispose]();
});

const setUp = (change: Partial<Parameters<typeof setUpLedger>[0]> = {}) =>
  setUpLedger({ store, signer, log, ...change });
const treeSize = () => log.published().treeSize;

async function edited(change: (record: TagRecord) => TagRecord): Promise<RecordStore> {
  const claimId = (await stored()).claimId;
  const found = await store.find(claimId, signal);
  if (found === undefined) throw new Error('nothing stored');
  return { ...store, find: () => Promise.resolve({ ...found, record: change(found.record) }) };
}

async function stored(): Promise<TagRecord> {
  for await (const item of store.list(signal)) if ('record' in item) return item.record;
  throw new Error('the store is empty');
}

describe('makeLedger', () => {
  it('records a new tag as one claim and one binding, and finds it again with its evidence verified', async () => {
    const outcome = await setUp().ledger.record(request(), signal);
    expect(outcome).toMatchObject({
      kind: 'recorded',
      found: { logged: true, record: { digest: digestOfA } },
    });
    expect(treeSize()).toBe(2);
    const again = await setUp().ledger.find(alpine, signal);
    expect(again).toMatchObject({
      logged: true,
      record: { digest: digestOfA, phase: 'Logged', generation: 0 },
    });
  });

  it('keeps the first digest when another is asked for later', async () => {
    await setUp().ledger.record(request(digestOfA), signal);
    const outcome = await setUp().ledger.record(request(digestOfB), signal);
    expect(outcome).toMatchObject({ kind: 'existing', found: { record: { digest: digestOfA } } });
    expect(treeSize()).toBe(2);
  });

  it('gives all askers of one process one record, and tells one of them that it was the first', async () => {
    const { ledger } = setUp();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        ledger.record(request(i % 2 === 0 ? digestOfA : digestOfB), signal),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'recorded')).toHaveLength(1);
    expect(new Set(outcomes.map(({ found }) => found.record.digest)).size).toBe(1);
    expect(treeSize()).toBe(2);
  });

  it('lets one of several processes win a race between two digests, and leaves no trace of the loser', async () => {
    const processes = Array.from({ length: 6 }, () => setUp());
    const outcomes = await Promise.all(
      processes.map(({ ledger }, i) => ledger.record(request(i % 2 === 0 ? digestOfA : digestOfB), signal)),
    );
    expect(outcomes.filter(({ kind }) => kind === 'recorded')).toHaveLength(1);
    expect(new Set(outcomes.map(({ found }) => found.record.digest)).size).toBe(1);
    expect(treeSize()).toBe(2);
  });

  const steps: readonly ProtocolStep[] = [
    'resolved',
    'signed',
    'reserved',
    'claimSubmitted',
    'bindingSubmitted',
    'verified',
    'saved',
  ];
  it.each(steps)(
    'recovers from a stop at "%s": one claim, one binding, one record, the first digest',
    async (step) => {
      const stopped = new AbortController();
      const never = new Promise<void>(() => undefined);
      let reached: () => void = () => undefined;
      const arrival = new Promise<void>((resolve) => (reached = resolve));
      const dying = setUp({
        lifetime: stopped.signal,
        // the process is gone from here on: the step never returns
        at: (at) => {
          if (at !== step) return;
          reached();
          return never;
        },
      });
      void dying.ledger.record(request(digestOfA), signal);
      await arrival;

      const reserved = steps.indexOf(step) >= steps.indexOf('reserved');
      const outcome = await setUp().ledger.record(request(reserved ? digestOfB : digestOfA), signal);
      expect(outcome.found).toMatchObject({ logged: true, record: { digest: digestOfA, phase: 'Logged' } });
      expect(treeSize()).toBe(2);
    },
  );

  it('publishes by itself what an earlier process has only reserved', async () => {
    const dying = setUp({ at: (at) => (at === 'reserved' ? new Promise<void>(() => undefined) : undefined) });
    void dying.ledger.record(request(), signal);
    for (;;) if (await stored().catch(() => undefined)) break;

    const { publisher } = setUp();
    await resumeReservations({ store, publisher, logger: silentLogger });
    expect((await stored()).phase).toBe('Logged');
    expect(treeSize()).toBe(2);
  });

  it('restores the record from the log alone when the store was lost and the digest is the same', async () => {
    await setUp().ledger.record(request(), signal);
    store = makeMemoryStore();
    const outcome = await setUp().ledger.record(request(), signal);
    expect(outcome).toMatchObject({
      kind: 'existing',
      found: { logged: true, record: { digest: digestOfA, origin: 'restore', phase: 'Logged' } },
    });
    expect(treeSize()).toBe(2);
    expect(await setUp().ledger.find(alpine, signal)).toMatchObject({ logged: true });
  });

  it('refuses another digest for a tag whose record was lost, and writes nothing', async () => {
    await setUp().ledger.record(request(digestOfA), signal);
    store = makeMemoryStore();
    expect(await codeOf(() => setUp().ledger.record(request(digestOfB), signal))).toBe('RECORD_LOST');
    expect(treeSize()).toBe(2);
    await expect(stored()).rejects.toThrow('empty');
  });

  it('refuses it also when the log has grown since this process last read it', async () => {
    const replica = setUp({ store: makeMemoryStore() });
    await replica.history.ready(signal);
    await setUp().ledger.record(request(digestOfA), signal);
    expect(await codeOf(() => replica.ledger.record(request(digestOfB), signal))).toBe('RECORD_LOST');
    expect(treeSize()).toBe(2);
  });

  it('reserves nothing while the log is down, and keeps answering for known tags', async () => {
    await setUp().ledger.record(request(), signal);
    const down: LogTransport = () =>
      Promise.reject(new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' }));
    const { ledger } = setUp({ log: { trust: log.trust, transport: down } });
    const other = { reference: tag('busybox:1') };
    expect(await codeOf(() => ledger.record(request(digestOfA, other), signal))).toBe('LOG_UNAVAILABLE');
    expect(await ledger.find(tag('busybox:1'), signal)).toBeUndefined();
    expect(await ledger.find(alpine, signal)).toMatchObject({ logged: true });
  });

  it('keeps the reservation when the log goes down after it, says so, and publishes it later', async () => {
    let down = true;
    const flaky: LogTransport = (call) =>
      down && call.method === 'POST'
        ? Promise.reject(new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' }))
        : log.transport(call);
    const { ledger } = setUp({ log: { trust: log.trust, transport: flaky } });
    const first = await ledger.record(request(), signal);
    expect(first).toMatchObject({
      kind: 'pending',
      outage: { code: 'LOG_UNAVAILABLE' },
      found: { logged: false },
    });
    down = false;
    expect(await ledger.record(request(digestOfB), signal)).toMatchObject({
      found: { logged: true, record: { digest: digestOfA } },
    });
    expect(treeSize()).toBe(2);
  });

  it('publishes by itself, once the log is back, what the outage has cut short', async () => {
    let down = true;
    const flaky: LogTransport = (call) =>
      down && call.method === 'POST'
        ? Promise.reject(new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' }))
        : log.transport(call);
    const { ledger, publisher } = setUp({ log: { trust: log.trust, transport: flaky } });
    await ledger.record(request(), signal);
    expect(publisher.unfinished().map(({ canonical }) => canonical)).toEqual([alpine.canonical]);
    expect(await codeOf(() => retryUnfinished(publisher))).toBe('LOG_UNAVAILABLE');
    down = false;
    await retryUnfinished(publisher);
    expect(publisher.unfinished()).toEqual([]);
    expect((await stored()).phase).toBe('Logged');
    expect(treeSize()).toBe(2);
  });

  it('answers an impatient asker with "pending" and goes on publishing', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { ledger } = setUp({ at: (at) => (at === 'claimSubmitted' ? gate : undefined) });
    const impatient = new AbortController();
    const asked = ledger.record(request(), impatient.signal);
    for (;;) if (await stored().catch(() => undefined)) break;
    impatient.abort();
    expect(await asked).toMatchObject({ kind: 'pending', found: { logged: false } });
    release();
    expect(await ledger.record(request(), signal)).toMatchObject({ found: { logged: true } });
  });

  it('answers at once with a reservation of another digest for who would refuse it anyhow', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { ledger } = setUp({ at: (at) => (at === 'claimSubmitted' ? gate : undefined) });
    const first = ledger.record(request(digestOfA), signal);
    const refused = await ledger.record(request(digestOfB, { refusesOther: true }), signal);
    expect(refused).toMatchObject({ found: { logged: false, record: { digest: digestOfA } } });
    release();
    expect(await first).toMatchObject({ found: { logged: true } });
  });

  it('answers on the reservation for who waits for no more', async () => {
    const { ledger } = setUp();
    const outcome = await ledger.record(request(digestOfA, { waitFor: 'reserved' }), signal);
    expect(outcome).toMatchObject({ kind: 'recorded', found: { logged: false } });
    expect(await ledger.record(request(), signal)).toMatchObject({ found: { logged: true } });
  });

  it('never publishes a reservation that we have not signed', async () => {
    const forger = setUpLedger({ store, signer: makeTestSigner(), log, at: stopAt('reserved') });
    void forger.ledger.record(request(), signal);
    for (;;) if (await stored().catch(() => undefined)) break;
    const { ledger, publisher } = setUp();
    expect(await codeOf(() => ledger.find(alpine, signal))).toBe('IDENTITY_MISMATCH');
    expect(await codeOf(() => ledger.record(request(), signal))).toBe('IDENTITY_MISMATCH');
    await resumeReservations({ store, publisher, logger: silentLogger });
    expect(treeSize()).toBe(0);
  });

  const edits: readonly (readonly [string, (record: TagRecord) => TagRecord])[] = [
    ['another digest', (record) => ({ ...record, digest: digestOfB })],
    ['another reference', (record) => ({ ...record, reference: 'docker.io/library/busybox:1' })],
    ['another claim id', (record) => ({ ...record, claimId: 'f'.repeat(64) })],
    ['another scope', (record) => ({ ...record, scope: 'other' })],
    ['another privacy', (record) => ({ ...record, privacy: 'blinded' })],
    ['another generation', (record) => ({ ...record, generation: 1 })],
    ['the claim in place of the binding', (record) => ({ ...record, binding: record.claim })],
    ['a signature cut short', (record) => ({ ...record, claim: { ...record.claim, signature: 'MEQ=' } })],
    [
      'another log index',
      (record) => ({ ...record, ...(record.log && { log: { ...record.log, index: 0 } }) }),
    ],
    [
      'the bundle of the claim',
      (record) => ({ ...record, binding: { ...record.binding, ...pick(record.claim) } }),
    ],
  ];
  it.each(edits)(
    'refuses a stored record with %s, and never takes it for an unknown tag',
    async (_what, edit) => {
      await setUp().ledger.record(request(), signal);
      const { ledger } = setUp({ store: await edited(edit) });
      const code = await codeOf(() => ledger.find(alpine, signal));
      expect(['RECORD_INVALID', 'IDENTITY_MISMATCH', 'LOG_ENTRY_INVALID', 'LOG_PROOF_INVALID']).toContain(
        code,
      );
      expect(await codeOf(() => ledger.record(request(), signal))).toBe(code);
    },
  );

  it.each([
    ['Lost', 'RECORD_LOST'],
    ['Conflicted', 'RECORD_CONFLICTED'],
    ['Unlogged', 'RECORD_UNLOGGED'],
  ] as const)('denies a record in phase %s with %s', async (phase, code) => {
    await setUp().ledger.record(request(), signal);
    const { ledger } = setUp({ store: await edited((record) => ({ ...record, phase })) });
    expect(await codeOf(() => ledger.find(alpine, signal))).toBe(code);
  });

  it('blinds the names of other registries and finds them again', async () => {
    const reference = tag('registry.example.com/secret/project:1');
    await setUp().ledger.record(request(digestOfA, { reference }), signal);
    expect(await stored()).toMatchObject({ privacy: 'blinded', reference: reference.canonical });
    expect(await setUp().ledger.find(reference, signal)).toMatchObject({ logged: true });
  });

  describe.each([
    ['plain', 'blinded'],
    ['blinded', 'plain'],
    ['auto', 'blinded'],
  ] as const)('after the setting privacy went from %s to %s', (before, after) => {
    it('still finds the record, and gives the tag no second digest', async () => {
      await setUp({ privacy: before }).ledger.record(request(digestOfA), signal);
      const { ledger } = setUp({ privacy: after });
      expect(await ledger.find(alpine, signal)).toMatchObject({
        logged: true,
        record: { digest: digestOfA },
      });
      const outcome = await ledger.record(request(digestOfB), signal);
      expect(outcome).toMatchObject({ kind: 'existing', found: { record: { digest: digestOfA } } });
      expect(treeSize()).toBe(2);
    });

    it('restores from the log, or refuses, what was recorded before', async () => {
      await setUp({ privacy: before }).ledger.record(request(digestOfA), signal);
      store = makeMemoryStore();
      const { ledger } = setUp({ privacy: after });
      expect(await codeOf(() => ledger.record(request(digestOfB), signal))).toBe('RECORD_LOST');
      expect(await ledger.record(request(digestOfA), signal)).toMatchObject({
        found: { logged: true, record: { digest: digestOfA, origin: 'restore' } },
      });
      expect(treeSize()).toBe(2);
    });
  });
});

function stopAt(step: ProtocolStep) {
  return (at: ProtocolStep) => (at === step ? new Promise<void>(() => undefined) : undefined);
}

function pick(statement: TagRecord['claim']) {
  return 'bundle' in statement ? { bundle: statement.bundle } : {};
}

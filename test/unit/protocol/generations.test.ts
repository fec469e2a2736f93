import { describe, expect, it } from '@jest/globals';
import type { VerifiedRecord } from '../../../src/check/ports.ts';
import { parseApproval } from '../../../src/ledger/statement.ts';
import { makeRecordMemory } from '../../../src/protocol/memory.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import { resumeReservations } from '../../../src/protocol/resume.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
import {
  alpine,
  approval,
  digestOfC,
  first,
  move,
  setUpGenerations,
  signal,
} from '../../support/generations-setup.ts';
import { silentLogger } from '../../support/ledger-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

/** What the store says when somebody has deleted every record of a generation above this one. */
function rolledBack(store: RecordStore, generation: number): RecordStore {
  return {
    ...store,
    find: async (claimId, until) =>
      (await store.generations(claimId, until)).findLast(({ record }) => record.generation <= generation),
  };
}

describe('advance', () => {
  it('records the next generation with a claim, a binding and an approval of its own', async () => {
    const setup = setUpGenerations();
    const { ledger } = setup.process();
    await ledger.record(first(digestOfA), signal);
    const outcome = await ledger.advance(move(digestOfB, { approval }), signal);
    expect(outcome).toMatchObject({
      kind: 'recorded',
      found: { logged: true, record: { digest: digestOfB, generation: 1, phase: 'Logged' } },
    });
    const [before, after] = await setup.all();
    expect(before).toMatchObject({ digest: digestOfA, generation: 0, phase: 'Logged' });
    expect(setup.log.entries).toHaveLength(4);
    expect(parseApproval(after?.approval?.statement ?? '')).toMatchObject({
      ...approval,
      from: digestOfA,
      digest: digestOfB,
      generation: 1,
    });
    expect(JSON.stringify(outcome.found)).not.toContain('signature');
    expect(await ledger.find(alpine, signal)).toMatchObject({ record: { digest: digestOfB } });
    expect(await setup.process().ledger.find(alpine, signal)).toMatchObject({
      record: { digest: digestOfB },
    });
  });

  it('keeps the privacy that the tag has, whatever the setting says by now', async () => {
    const setup = setUpGenerations();
    await setup.process({ privacy: 'blinded' }).ledger.record(first(digestOfA), signal);
    await setup.process({ privacy: 'plain' }).ledger.advance(move(digestOfB), signal);
    const [before, after] = await setup.all();
    expect(after).toMatchObject({ privacy: 'blinded', claimId: before?.claimId });
    expect(await setup.process().ledger.find(alpine, signal)).toMatchObject({
      record: { digest: digestOfB },
    });
  });

  it('may go back to a digest of long ago, as a generation of its own', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    const { ledger } = setup.process();
    const outcome = await ledger.advance(move(digestOfA, { from: 1 }), signal);
    expect(outcome).toMatchObject({
      kind: 'recorded',
      found: { record: { generation: 2, digest: digestOfA } },
    });
    expect(setup.log.entries).toHaveLength(6);
  });

  it.each([
    ['the digest is the recorded one', move(digestOfB, { from: 1 })],
    ['a newer generation than the asker knows is recorded', move(digestOfC, { from: 0 })],
  ])('answers with the generation that there is where %s', async (_why, request) => {
    const setup = setUpGenerations();
    await setup.moved();
    const outcome = await setup.process().ledger.advance(request, signal);
    expect(outcome).toMatchObject({
      kind: 'existing',
      found: { record: { generation: 1, digest: digestOfB } },
    });
    expect(setup.log.entries).toHaveLength(4);
  });

  it('asks the store, and not the memory of a process that heard nothing of the newest generation', async () => {
    const setup = setUpGenerations();
    const old = setup.process();
    await old.ledger.record(first(digestOfA), signal);
    await setup.process().ledger.advance(move(digestOfB), signal);
    expect(await old.ledger.find(alpine, signal)).toMatchObject({ record: { generation: 0 } });
    expect(await old.ledger.latest(alpine, signal)).toMatchObject({ record: { generation: 1 } });
    expect(await old.ledger.find(alpine, signal)).toMatchObject({ record: { generation: 1 } });
    const outcome = await old.ledger.advance(move(digestOfC, { from: 1 }), signal);
    expect(outcome).toMatchObject({ kind: 'recorded', found: { record: { generation: 2 } } });
  });

  it('does not answer with a digest that is the tag’s no longer, whatever memory says', async () => {
    const setup = setUpGenerations();
    const old = setup.process();
    await old.ledger.record(first(digestOfA), signal);
    await setup.process().ledger.advance(move(digestOfB), signal);
    expect(await old.ledger.advance(move(digestOfA), signal)).toMatchObject({
      kind: 'existing',
      found: { record: { generation: 1, digest: digestOfB } },
    });
  });

  it('moves nothing on that moved while the generation before was being published', async () => {
    const setup = setUpGenerations();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    const { ledger } = setup.process({
      async at(step) {
        if (step !== 'verified') return;
        await setup.process().ledger.advance(move(digestOfC), signal);
      },
    });
    expect(await ledger.advance(move(digestOfB), signal)).toMatchObject({
      kind: 'existing',
      found: { record: { generation: 1, digest: digestOfC } },
    });
  });

  it('notes where the log stood after it was asked, so that what came before is older', async () => {
    const setup = setUpGenerations();
    let treeSize = 0;
    const history = setup.log.history();
    const { ledger } = setup.process({
      history: {
        ...history,
        position: () => ({ ...history.position(), treeSize }),
        async earliest(statement, until) {
          const found = await history.earliest(statement, until);
          treeSize += 1;
          return found;
        },
      },
      at: (step) => (step === 'reserved' ? new Promise(() => undefined) : undefined),
    });
    void ledger.record(first(digestOfA), signal);
    for (;;) if ((await setup.all()).length > 0) break;
    // both privacies were asked about
    expect((await setup.all())[0]?.reservedAt.treeSize).toBe(2);
  });

  it('lets one of several processes win, and answers all of them with the winner', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    const outcomes = await Promise.all(
      [digestOfB, digestOfC, digestOfB, digestOfC].map((digest) =>
        setup.process().ledger.advance(move(digest), signal),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === 'recorded')).toHaveLength(1);
    expect(new Set(outcomes.map(({ found }) => found.record.digest)).size).toBe(1);
    expect(setup.log.entries).toHaveLength(4);
  });

  it('gives all askers of one process one generation', async () => {
    const setup = setUpGenerations();
    const { ledger } = setup.process();
    await ledger.record(first(digestOfA), signal);
    const outcomes = await Promise.all(
      [digestOfB, digestOfC, digestOfB].map((digest) => ledger.advance(move(digest), signal)),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['recorded', 'existing', 'existing']);
    expect(new Set(outcomes.map(({ found }) => found.record.digest))).toEqual(new Set([digestOfB]));
  });

  it('does not answer a move with the one before it, which is still being published', async () => {
    const setup = setUpGenerations();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let seen = 0;
    const { ledger } = setup.process({
      at: (step) => (step === 'verified' && ++seen === 2 ? promise : undefined),
    });
    await ledger.record(first(digestOfA), signal);
    const before = await ledger.advance(move(digestOfB, { waitFor: 'reserved' }), signal);
    expect(before).toMatchObject({ kind: 'recorded', found: { logged: false, record: { generation: 1 } } });
    const after = ledger.advance(move(digestOfC, { from: 1 }), signal);
    resolve(undefined);
    expect(await after).toMatchObject({
      found: { logged: true, record: { generation: 2, digest: digestOfC } },
    });
  });

  it('waits for the move before it also for an asker who waits for no log', async () => {
    const setup = setUpGenerations();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let seen = 0;
    const { ledger } = setup.process({
      at: (step) => (step === 'verified' && ++seen === 2 ? promise : undefined),
    });
    await ledger.record(first(digestOfA), signal);
    await ledger.advance(move(digestOfB, { waitFor: 'reserved' }), signal);
    const after = ledger.advance(move(digestOfC, { from: 1, waitFor: 'reserved' }), signal);
    setImmediate(resolve, undefined);
    expect(await after).toMatchObject({ kind: 'recorded', found: { record: { generation: 2 } } });
  });

  it('does not ask for ever where the store says "exists" and shows nothing', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    const { ledger } = setup.process({ store: { ...setup.store, reserve: () => Promise.resolve('exists') } });
    expect(await codeOf(() => ledger.advance(move(digestOfB), signal))).toBe('STORE_UNAVAILABLE');
  });

  it('publishes the generation before first, and says "later" while the log is down', async () => {
    const setup = setUpGenerations();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    setup.log.down(true);
    const { ledger } = setup.process();
    expect(await ledger.advance(move(digestOfB), signal)).toMatchObject({
      kind: 'pending',
      outage: { code: 'LOG_UNAVAILABLE' },
      found: { logged: false, record: { generation: 0 } },
    });
    setup.log.down(false);
    expect(await ledger.advance(move(digestOfB), signal)).toMatchObject({
      kind: 'recorded',
      found: { logged: true, record: { generation: 1 } },
    });
    expect((await setup.all()).map(({ phase }) => phase)).toEqual(['Logged', 'Logged']);
  });

  it('refuses a tag whose record is gone', async () => {
    const setup = setUpGenerations();
    expect(await codeOf(() => setup.process().ledger.advance(move(digestOfB), signal))).toBe('RECORD_LOST');
    expect(setup.log.entries).toHaveLength(0);
  });

  it.each([
    { by: '', reason: 'none' },
    { by: 'me', reason: 'two\nlines' },
    { by: 'me', reason: 'x'.repeat(257) },
  ])('refuses an approval of %j, and records nothing', async (said) => {
    const setup = setUpGenerations();
    const { ledger } = setup.process();
    await ledger.record(first(digestOfA), signal);
    const asked = () => ledger.advance(move(digestOfB, { approval: said }), signal);
    expect(await codeOf(asked)).toBe('RECORD_INVALID');
    expect(await setup.all()).toHaveLength(1);
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
  describe.each(['embedded', 'rekor-v1'] as const)('on %s', (kind) => {
    it.each(steps)(
      'stopped at "%s" is finished by the next process with the digest that was reserved',
      async (step) => {
        const setup = setUpGenerations(kind);
        await setup.process().ledger.record(first(digestOfA), signal);
        await setup.stopped(step, ({ ledger }) => ledger.advance(move(digestOfB, { approval }), signal));
        const isReserved = steps.indexOf(step) >= steps.indexOf('reserved');

        const { ledger, publisher } = setup.process();
        await resumeReservations({ store: setup.store, publisher, logger: silentLogger });
        const phases = (await setup.all()).map(({ phase }) => phase);
        expect(phases).toEqual(isReserved ? ['Logged', 'Logged'] : ['Logged']);
        const outcome = await ledger.advance(move(digestOfC), signal);
        expect(outcome).toMatchObject({
          kind: isReserved ? 'existing' : 'recorded',
          found: { logged: true, record: { generation: 1, digest: isReserved ? digestOfB : digestOfC } },
        });
        expect(setup.log.entries).toHaveLength(4);
      },
    );
  });

  it('refuses an approval that somebody else has signed', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    await setup.process().ledger.advance(move(digestOfB, { approval }), signal);
    const [, after] = await setup.all();
    const stored = await setup.store.find(after?.claimId ?? '', signal);
    if (after?.approval === undefined || stored === undefined) throw new Error('nothing stored');
    const spki = Buffer.from('theirs').toString('base64');
    const forged = { ...after.approval, verifier: { kind: 'publicKey', spki } } as const;
    await setup.store.update({ ...after, approval: forged }, stored.version, signal);
    expect(await codeOf(() => setup.process().ledger.find(alpine, signal))).toBe('IDENTITY_MISMATCH');
  });
});

describe('a store that has lost the newest generation', () => {
  it('brings the one before it not back: the tag is refused as lost', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    const process = setup.process({ store: rolledBack(setup.store, 0) });
    await process.history.ready(signal);
    expect(await codeOf(() => process.ledger.find(alpine, signal))).toBe('RECORD_LOST');
    expect(await codeOf(() => process.ledger.latest(alpine, signal))).toBe('RECORD_LOST');
    expect(await codeOf(() => process.ledger.advance(move(digestOfC), signal))).toBe('RECORD_LOST');
    expect(setup.log.entries).toHaveLength(4);
  });

  it('is not trusted to memory by a process that has not read the log yet', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    setup.log.down(true);
    const process = setup.process({ store: rolledBack(setup.store, 0) });
    expect(await process.ledger.find(alpine, signal)).toMatchObject({ record: { generation: 0 } });
    setup.log.down(false);
    await process.history.ready(signal);
    expect(await codeOf(() => process.ledger.find(alpine, signal))).toBe('RECORD_LOST');
  });

  it('takes nobody back who remembers the newest', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    let store = setup.store;
    const process = setup.process({ store: { ...store, find: (...asked) => store.find(...asked) } });
    await process.ledger.find(alpine, signal);
    store = rolledBack(store, 0);
    expect(await process.ledger.latest(alpine, signal)).toMatchObject({ record: { generation: 1 } });
    store = makeMemoryStore();
    expect(await process.ledger.latest(alpine, signal)).toMatchObject({ record: { generation: 1 } });
  });

  it('is not mistaken for one that is a moment behind', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    const behind = rolledBack(setup.store, 0);
    let finds = 0;
    const process = setup.process({
      // each look-up asks under two names at most
      store: { ...setup.store, find: (...asked) => (finds++ === 0 ? behind : setup.store).find(...asked) },
    });
    await process.history.ready(signal);
    expect(await process.ledger.find(alpine, signal)).toMatchObject({ record: { generation: 1 } });
  });

  it.each(['embedded', 'rekor-v1'] as const)(
    'reserves no second time what %s has a claim on',
    async (kind) => {
      const setup = setUpGenerations(kind);
      await setup.moved();
      const store = makeMemoryStore();
      const claimId = (await setup.all())[0]?.claimId ?? '';
      const [before] = await setup.store.generations(claimId, signal);
      if (before === undefined) throw new Error('nothing stored');
      await store.reserve(before.record, signal);
      setup.store = store;
      expect(await codeOf(() => setup.process().ledger.advance(move(digestOfC), signal))).toBe('RECORD_LOST');
      expect(setup.log.entries).toHaveLength(4);
    },
  );
});

describe('memory', () => {
  it('keeps the newer generation of two, in whatever order they come', () => {
    const memory = makeRecordMemory(new Map());
    const of = (generation: number) => ({ record: sampleRecord(undefined, { generation }), logged: true });
    const { reference } = of(0).record;
    for (const generation of [1, 0, 2, 1]) memory.set(of(generation));
    expect(memory.get(reference)?.record.generation).toBe(2);
  });

  it('drops what its cache has dropped', () => {
    const cache = new Map<string, VerifiedRecord>();
    const memory = makeRecordMemory(cache);
    for (let i = 0; i < 3_000; i += 1) {
      cache.clear();
      memory.set({ record: sampleRecord(`docker.io/library/a${i}:1`), logged: true });
    }
    const last = sampleRecord('docker.io/library/a2999:1');
    memory.onGeneration(last.claimId, 1);
    expect(cache.size).toBe(0);
  });

  it('forgets what is older than a generation that it hears of, and takes nothing older in', async () => {
    const setup = setUpGenerations();
    const old = setup.process();
    await old.ledger.record(first(digestOfA), signal);
    const known = await old.ledger.find(alpine, signal);
    await setup.process().ledger.advance(move(digestOfB), signal);
    old.onGeneration(known?.record.claimId ?? '', 1);
    expect(old.memory.size).toBe(0);
    expect(await old.ledger.find(alpine, signal)).toMatchObject({ record: { generation: 1 } });
    old.onGeneration(known?.record.claimId ?? '', 1);
    expect(old.memory.size).toBe(1);
  });

  it('is not filled by a look-up that began before the newer generation was heard of', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    const claimId = (await setup.all())[0]?.claimId ?? '';
    const old = setup.process({
      store: {
        ...setup.store,
        async find(...asked) {
          const found = await setup.store.find(...asked);
          old.onGeneration(claimId, 1);
          return found;
        },
      },
    });
    await old.history.ready(signal);
    await old.ledger.find(alpine, signal);
    await old.ledger.find(alpine, signal);
    expect(old.memory.size).toBe(0);
  });
});

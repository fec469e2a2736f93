import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { TagRecord } from '../../../src/ledger/record.ts';
import type { StoredRecord } from '../../../src/protocol/ports.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import {
  alpine,
  approval,
  digestOfC,
  first,
  move,
  setUpGenerations,
  signal,
  type Generations,
} from '../../support/generations-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

type Signing = 'key' | 'keyless' | 'keyless with timestamps';

/** Keyless signing on a log without times would verify nowhere without timestamps. */
const CELLS = [
  ['embedded', 'key'],
  ['embedded', 'keyless with timestamps'],
  ['rekor-v1', 'key'],
  ['rekor-v1', 'keyless'],
] as const;

function setUp(kind: 'embedded' | 'rekor-v1', signing: Signing): Generations {
  const setup = setUpGenerations(kind);
  if (signing !== 'key') setup.signer = setup.log.keylessSigner({ timestamps: signing !== 'keyless' });
  return setup;
}

async function newest(setup: Generations): Promise<StoredRecord> {
  const claimId = (await setup.all())[0]?.claimId ?? '';
  const stored = await setup.store.find(claimId, signal);
  if (stored === undefined) throw new Error('nothing stored');
  return stored;
}

async function edit(setup: Generations, change: (record: TagRecord) => TagRecord): Promise<void> {
  const { record, version } = await newest(setup);
  await setup.store.update(change(record), version, signal);
}

const restore = (setup: Generations, digest?: Digest) =>
  setup.process().restorer.restore(alpine, digest, signal);

describe.each(CELLS)('on %s with %s, restore', (kind, signing) => {
  it('makes the newest generation again from the log alone', async () => {
    const setup = setUp(kind, signing);
    await setup.moved();
    // certificates do not live that long
    setup.log.pass(60);
    setup.store = makeMemoryStore();
    expect(await restore(setup, digestOfB)).toMatchObject({
      kind: 'restored',
      found: { logged: true, record: { generation: 1, digest: digestOfB, origin: 'restore' } },
    });
    const after = setup.process();
    await after.history.ready(signal);
    expect(await after.ledger.find(alpine, signal)).toMatchObject({
      logged: true,
      record: { generation: 1 },
    });
    expect(await restore(setup, digestOfB)).toMatchObject({ kind: 'present' });
  });

  it('refuses the digest of an older generation, and one that the log never saw', async () => {
    const setup = setUp(kind, signing);
    await setup.moved();
    setup.store = makeMemoryStore();
    expect(await codeOf(() => restore(setup, digestOfA))).toBe('RECORD_LOST');
    expect(await codeOf(() => restore(setup, digestOfC))).toBe('RECORD_LOST');
    expect(await codeOf(() => restore(setup))).toBe('RECORD_LOST');
    expect(await setup.all()).toEqual([]);
  });

  it('happens by itself at the next sight of the same digest, and never of another', async () => {
    const setup = setUp(kind, signing);
    await setup.moved();
    setup.log.pass(60);
    setup.store = makeMemoryStore();
    for (const digest of [digestOfA, digestOfC]) {
      const { ledger } = setup.process();
      expect(await codeOf(() => ledger.record(first(digest), signal))).toBe('RECORD_LOST');
    }
    const outcome = await setup.process().ledger.record(first(digestOfB), signal);
    expect(outcome).toMatchObject({
      kind: 'existing',
      found: { logged: true, record: { generation: 1, digest: digestOfB, origin: 'restore' } },
    });
  });

  it('mends a lost record with the digest that it has', async () => {
    const setup = setUp(kind, signing);
    await setup.process().ledger.record(first(digestOfA), signal);
    await edit(setup, (record) => ({ ...record, phase: 'Lost' }));
    expect(await codeOf(() => setup.process().ledger.find(alpine, signal))).toBe('RECORD_LOST');
    expect(await restore(setup)).toMatchObject({
      kind: 'restored',
      found: { record: { digest: digestOfA } },
    });
    expect(await setup.process().ledger.find(alpine, signal)).toMatchObject({ logged: true });
  });
});

describe('restore', () => {
  it.each([
    ['Unlogged', 'RECORD_INVALID'],
    ['Conflicted', 'RECORD_CONFLICTED'],
    ['Lost', 'RECORD_LOST'],
    ['Reserved', 'RECORD_INVALID'],
  ] as const)('says what is wrong with a newest generation that is %s and in no log', async (phase, code) => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    const { record } = await newest(setup);
    await setup.store.reserve({ ...record, generation: 1, phase }, signal);
    expect(await codeOf(() => restore(setup, digestOfA))).toBe(code);
    expect(await setup.all()).toHaveLength(2);
  });

  it('says that the log never saw the tag', async () => {
    const setup = setUpGenerations();
    expect(await restore(setup, digestOfA)).toEqual({ kind: 'absent' });
    expect(setup.log.entries).toEqual([]);
  });

  it.each([[['plain', 'blinded']], [['blinded', 'plain']]] as const)(
    'finds what was recorded as %j',
    async ([before, after]) => {
      const setup = setUpGenerations();
      await setup.process({ privacy: before }).ledger.record(first(digestOfA), signal);
      setup.store = makeMemoryStore();
      const { restorer } = setup.process({ privacy: after });
      expect(await restorer.restore(alpine, digestOfA, signal)).toMatchObject({
        kind: 'restored',
        found: { record: { privacy: before } },
      });
    },
  );

  it.each([
    ['blinded', 'plain', 'restored'],
    // the index would have to be asked by a hash from which the name can be guessed
    ['plain', 'blinded', 'absent'],
  ] as const)(
    'asks a Rekor v1 for certificates’ entries made as %s, now %s: %s',
    async (before, after, kind) => {
      const setup = setUp('rekor-v1', 'keyless');
      await setup.process({ privacy: before }).ledger.record(first(digestOfA), signal);
      setup.store = makeMemoryStore();
      const { restorer } = setup.process({ privacy: after });
      expect(await restorer.restore(alpine, digestOfA, signal)).toMatchObject({ kind });
    },
  );

  it('writes nothing into the log where the entries themselves still prove the record', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    setup.store = makeMemoryStore();
    await restore(setup, digestOfB);
    expect(setup.log.entries).toHaveLength(4);
  });

  it('logs the same statements once more where nothing tells when a certificate had signed them', async () => {
    const setup = setUp('embedded', 'keyless with timestamps');
    await setup.process().ledger.record(first(digestOfA), signal);
    setup.store = makeMemoryStore();
    await restore(setup, digestOfA);
    const said = setup.log.entries.map(({ signed }) => signed.statement);
    expect(said.slice(2)).toEqual(said.slice(0, 2));
  });

  it('goes on with a restore that was cut short before it was logged anew', async () => {
    const setup = setUp('embedded', 'keyless with timestamps');
    await setup.process().ledger.record(first(digestOfA), signal);
    setup.store = makeMemoryStore();
    await setup.stopped('claimSubmitted', ({ restorer }) => restorer.restore(alpine, digestOfA, signal));
    expect((await newest(setup)).record).toMatchObject({ phase: 'Reserved', origin: 'restore' });
    expect(await setup.process().ledger.record(first(digestOfC), signal)).toMatchObject({
      kind: 'existing',
      found: { logged: true, record: { digest: digestOfA } },
    });
  });

  it('publishes what is only reserved', async () => {
    const setup = setUpGenerations();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    expect(await restore(setup)).toMatchObject({ kind: 'present', found: { logged: true } });
  });

  it('mends a record that somebody has edited, and keeps the approval that still verifies', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    await setup.process().ledger.advance(move(digestOfB, { approval }), signal);
    await edit(setup, (record) => ({ ...record, digest: digestOfC }));
    expect(await codeOf(() => setup.process().ledger.find(alpine, signal))).toBe('RECORD_INVALID');
    expect(await restore(setup, digestOfB)).toMatchObject({ kind: 'restored' });
    expect((await newest(setup)).record).toMatchObject({ digest: digestOfB, phase: 'Logged' });
    expect((await newest(setup)).record.approval).toBeDefined();
  });

  it('drops an approval that does not verify', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    await edit(setup, (record) => ({ ...record, phase: 'Lost', approval: record.claim }));
    expect(await restore(setup)).toMatchObject({ kind: 'restored' });
    expect((await newest(setup)).record.approval).toBeUndefined();
  });

  it('drops an approval that says the right thing and is signed by somebody else', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    await setup.process().ledger.advance(move(digestOfB, { approval }), signal);
    await edit(setup, (record) => {
      const spki = Buffer.from('theirs').toString('base64');
      const forged = record.approval && {
        ...record.approval,
        verifier: { kind: 'publicKey', spki } as const,
      };
      return { ...record, ...(forged && { approval: forged }) };
    });
    expect(await restore(setup)).toMatchObject({ kind: 'restored' });
    expect((await newest(setup)).record.approval).toBeUndefined();
  });

  it('is refused, and signs nothing anew, where entries of a key do not verify', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    setup.store = makeMemoryStore();
    const verify = () => Promise.reject(new AppError({ code: 'RECORD_INVALID', message: 'told to fail' }));
    const { restorer } = setup.process({ verifier: { ...setup.log.verifier, verify } });
    expect(await codeOf(() => restorer.restore(alpine, digestOfA, signal))).toBe('RECORD_INVALID');
    expect(await setup.all()).toEqual([]);
  });

  it.each(['embedded', 'rekor-v1'] as const)(
    'brings the newest generation back over the one that is left on %s',
    async (kind) => {
      const setup = setUpGenerations(kind);
      await setup.moved();
      const left = await setup.store.generations((await newest(setup)).record.claimId, signal);
      setup.store = makeMemoryStore();
      if (left[0] !== undefined) await setup.store.reserve(left[0].record, signal);
      expect(await codeOf(() => restore(setup))).toBe('RECORD_LOST');
      expect(await restore(setup, digestOfB)).toMatchObject({
        kind: 'restored',
        found: { record: { generation: 1, digest: digestOfB } },
      });
    },
  );

  it('is no excuse for an outage: nothing is said and nothing written', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    setup.store = makeMemoryStore();
    setup.log.down(true);
    expect(await codeOf(() => restore(setup, digestOfB))).toBe('LOG_UNAVAILABLE');
    expect(await setup.all()).toEqual([]);
  });

  it('does not take for broken what somebody writes at the same moment', async () => {
    const setup = setUpGenerations();
    let finds = 0;
    const { restorer } = setup.process({
      store: {
        ...setup.store,
        async find(...asked) {
          // nothing under either name; then somebody records the tag
          if ((finds += 1) === 3) await setup.process().ledger.record(first(digestOfA), signal);
          return setup.store.find(...asked);
        },
      },
    });
    expect(await restorer.restore(alpine, digestOfB, signal)).toMatchObject({
      kind: 'present',
      found: { record: { digest: digestOfA } },
    });
  });

  it('lets one of two win, and tells both', async () => {
    const setup = setUpGenerations();
    await setup.moved();
    setup.store = makeMemoryStore();
    const outcomes = await Promise.all([restore(setup, digestOfB), restore(setup, digestOfB)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['present', 'restored']);
  });
});

describe('a reservation of generation 0 that is younger than its claim, on a Rekor v1', () => {
  /** As a replica left it that did not see the claim, in a store that has nothing else. */
  async function leave(setup: Generations, treeSize: number): Promise<void> {
    const [oldest] = await setup.all();
    if (oldest === undefined) throw new Error('nothing stored');
    const { log: _, ...record } = oldest;
    const { bundle: _claim, ...claim } = { bundle: {}, ...record.claim };
    const { bundle: _binding, ...binding } = { bundle: {}, ...record.binding };
    setup.store = makeMemoryStore();
    const reservedAt = { ...record.reservedAt, treeSize };
    await setup.store.reserve({ ...record, phase: 'Reserved', claim, binding, reservedAt }, signal);
  }

  it('is finished by a process that has not read the log yet, where the log has the same binding', async () => {
    const setup = setUp('rekor-v1', 'key');
    await setup.process().ledger.record(first(digestOfA), signal);
    await leave(setup, 2);
    expect(await setup.process().publisher.publish(alpine)).toMatchObject({ logged: true });
    expect(setup.log.entries).toHaveLength(2);
  });

  it('is lost where the log knows that the tag has moved on', async () => {
    const setup = setUp('rekor-v1', 'key');
    await setup.moved();
    await leave(setup, 4);
    expect(await codeOf(() => setup.process().publisher.publish(alpine))).toBe('RECORD_LOST');
    expect((await newest(setup)).record.phase).toBe('Lost');
  });
});

describe.each(['embedded', 'rekor-v1'] as const)('a process that dies amid a publication on %s', (kind) => {
  it('leaves no binding in the log without its claim, which a later claim would seem to be of', async () => {
    const setup = setUp(kind, 'key');
    const { writer } = setup.log;
    const submitted: string[] = [];
    const { ledger } = setup.process({
      writer: {
        ...writer,
        submit(signed, until) {
          submitted.push(signed.statement);
          // the claim is on its way for ever
          return submitted.length === 1 ? new Promise(() => undefined) : writer.submit(signed, until);
        },
      },
    });
    await ledger.record(first(digestOfA, { waitFor: 'reserved' }), signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(submitted).toHaveLength(1);
    setup.store = makeMemoryStore();
    await setup.process().ledger.record(first(digestOfB), signal);
    setup.store = makeMemoryStore();
    const again = () => setup.process().ledger.record(first(digestOfA), signal);
    expect(await codeOf(again)).toBe('RECORD_LOST');
  });
});

describe('a log that is no log', () => {
  it('gives a new entry an index that it had shown as taken: forked', async () => {
    const setup = setUpGenerations();
    await setup.process().ledger.record(first(digestOfA), signal);
    const history = setup.log.history();
    const process = setup.process({
      history: { ...history, position: () => ({ origin: history.position().origin, treeSize: 99 }) },
    });
    const asked = () => process.ledger.advance(move(digestOfB), signal);
    expect(await codeOf(asked)).toBe('LOG_FORKED');
    expect(await setup.process().ledger.find(alpine, signal)).toMatchObject({ logged: false });
  });
});

describe('a signature whose certificate has expired before the log took it', () => {
  const keyless = () => setUp('rekor-v1', 'keyless');

  it('is made anew, saved and submitted', async () => {
    const setup = keyless();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    const before = (await newest(setup)).record;
    setup.log.pass(60);
    await setup.stopped('signed', ({ publisher }) => publisher.publish(alpine));
    await setup.process().publisher.publish(alpine);
    const after = (await newest(setup)).record;
    expect(after).toMatchObject({ phase: 'Logged', digest: digestOfA });
    expect(after.claim.signature).not.toBe(before.claim.signature);
    expect(setup.log.entries.map(({ signed }) => signed.signature)).toEqual([
      after.claim.signature,
      after.binding.signature,
    ]);
  });

  it('is made anew once and not for ever by a clock that is wrong', async () => {
    const setup = keyless();
    setup.signer = { ...setup.signer, isFresh: () => false };
    expect(await setup.process().ledger.record(first(digestOfA), signal)).toMatchObject({
      kind: 'recorded',
      found: { logged: true },
    });
    expect(setup.log.entries).toHaveLength(2);
  });

  it('is not made anew where an earlier try came in time', async () => {
    const setup = keyless();
    await setup.stopped('bindingSubmitted', ({ ledger }) => ledger.record(first(digestOfA), signal));
    setup.log.pass(60);
    expect(await setup.process().publisher.publish(alpine)).toMatchObject({ logged: true });
    expect(setup.log.entries).toHaveLength(2);
  });

  it('is made anew for the one statement that did not come in time', async () => {
    const setup = keyless();
    await setup.stopped('claimSubmitted', ({ ledger }) => ledger.record(first(digestOfA), signal));
    setup.log.pass(60);
    expect(await setup.process().publisher.publish(alpine)).toMatchObject({ logged: true });
    expect(setup.log.entries).toHaveLength(2);
  });

  it('is saved before it is submitted, so that a stop in between leaves nothing unexplained', async () => {
    const setup = keyless();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    setup.log.pass(60);
    await setup.stopped('claimSubmitted', ({ publisher }) => publisher.publish(alpine));
    const saved = (await newest(setup)).record;
    expect(setup.log.entries.map(({ signed }) => signed.signature)).toEqual([saved.claim.signature]);
    await setup.process().publisher.publish(alpine);
    expect(setup.log.entries).toHaveLength(2);
  });

  it('does not hide that the tag was recorded before', async () => {
    const setup = keyless();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfB), signal));
    const reservation = await newest(setup);
    const { store } = setup;
    setup.store = makeMemoryStore();
    await setup.process().ledger.record(first(digestOfA), signal);
    setup.store = store;
    // as if it had been reserved after the other one was logged
    const reservedAt = { ...reservation.record.reservedAt, treeSize: 2 };
    await store.update({ ...reservation.record, reservedAt }, reservation.version, signal);
    setup.log.pass(60);
    expect(await codeOf(() => setup.process().publisher.publish(alpine))).toBe('RECORD_LOST');
    expect((await newest(setup)).record.phase).toBe('Lost');
    expect(setup.log.entries).toHaveLength(2);
  });
});

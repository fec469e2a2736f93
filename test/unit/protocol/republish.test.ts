import { describe, expect, it } from '@jest/globals';
import type { TagRecord } from '../../../src/ledger/record.ts';
import type { ProtocolStep } from '../../../src/protocol/steps.ts';
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

const CELLS = [
  ['embedded', 'key'],
  ['embedded', 'keyless with timestamps'],
  ['rekor-v1', 'key'],
  ['rekor-v1', 'keyless'],
] as const;
type Cell = (typeof CELLS)[number];

function setUp([kind, signing]: Cell = ['embedded', 'key']): Generations {
  const setup = setUpGenerations(kind);
  if (signing !== 'key') setup.signer = setup.log.keylessSigner({ timestamps: signing !== 'keyless' });
  return setup;
}

/** The log forgets all but its first entries, and an audit says so of the records. */
async function setBack(setup: Generations, entries: number): Promise<void> {
  setup.log.setBack(entries);
  for (const record of await setup.all()) {
    if ((record.log?.index ?? 0) < entries) continue;
    await write(setup, { ...record, phase: 'Unlogged' });
  }
}

async function write(setup: Generations, record: TagRecord): Promise<void> {
  const all = await setup.store.generations(record.claimId, signal);
  const version = all.find((each) => each.record.generation === record.generation)?.version;
  if (version === undefined) throw new Error('nothing stored');
  await setup.store.update(record, version, signal);
}

async function moved(setup: Generations): Promise<void> {
  await setup.process().ledger.record(first(digestOfA), signal);
  await setup.process().ledger.advance(move(digestOfB, { approval }), signal);
}

const restore = (setup: Generations, digest: Digest = digestOfC) =>
  setup.process().restorer.restore(alpine, digest, signal);
const statements = ({ log }: Generations) => log.entries.map(({ signed }) => signed.statement);
const signatures = ({ log }: Generations) => log.entries.map(({ signed }) => signed.signature);
const phases = async (setup: Generations) => (await setup.all()).map(({ phase }) => phase);

describe.each(CELLS)('restoring what a log on %s, signed by %s, has forgotten', (...cell) => {
  it.each([
    ['everything', 0],
    ['the newest generation', 2],
    ['one binding, and all after it', 1],
  ])('logs the same statements again, the oldest first: %s', async (_, entries) => {
    const setup = setUp(cell);
    await moved(setup);
    const before = await setup.all();
    const said = statements(setup);
    await setBack(setup, entries);
    setup.log.pass(60);
    expect(await codeOf(() => setup.process().ledger.find(alpine, signal))).toBe('RECORD_UNLOGGED');
    expect(await restore(setup)).toMatchObject({
      kind: 'restored',
      found: { logged: true, record: { digest: digestOfB, generation: 1, phase: 'Logged' } },
    });
    // of a claim that is left, another binding may be on its way: that generation stays as it is
    expect(statements(setup)).toEqual(entries === 1 ? said.toSpliced(1, 1) : said);
    expect(await phases(setup)).toEqual([entries === 1 ? 'Unlogged' : 'Logged', 'Logged']);
    const after = await setup.all();
    expect(after.map(({ firstSeen, origin }) => [firstSeen, origin])).toEqual(
      before.map(({ firstSeen, origin }) => [firstSeen, origin]),
    );
    expect(after[1]?.approval).toEqual(before[1]?.approval);
    const process = setup.process();
    await process.history.ready(signal);
    expect(await process.ledger.find(alpine, signal)).toMatchObject({
      logged: true,
      record: { generation: 1 },
    });
    expect(await restore(setup)).toMatchObject({ kind: 'present' });
  });

  it('is refused where the log has a claim by now that does not bind the digest, whatever is asked for', async () => {
    const setup = setUp(cell);
    await setup.process().ledger.record(first(digestOfA), signal);
    await setBack(setup, 0);
    const ours = setup.store;
    setup.store = makeMemoryStore();
    await setup.process().ledger.record(first(digestOfC), signal);
    setup.store = ours;
    for (const digest of [digestOfA, digestOfC])
      expect(await codeOf(() => restore(setup, digest))).toBe('RECORD_UNLOGGED');
    expect(await phases(setup)).toEqual(['Unlogged']);
    expect(setup.log.entries).toHaveLength(2);
  });
});

describe('restoring what a log has forgotten', () => {
  it('uses the same signatures as long as they verify, and new ones where a certificate has run out', async () => {
    for (const [cell, isSame] of [
      [CELLS[0], true],
      [CELLS[1], true],
      [CELLS[3], false],
    ] as const) {
      const setup = setUp(cell);
      await setup.process().ledger.record(first(digestOfA), signal);
      const before = signatures(setup);
      await setBack(setup, 0);
      setup.log.pass(60);
      await restore(setup);
      expect([cell, signatures(setup).map((each, i) => each === before[i])]).toEqual([
        cell,
        [isSame, isSame],
      ]);
    }
  });

  it('keeps the place of a generation that no record is left of by its claim alone', async () => {
    const setup = setUp();
    await moved(setup);
    const [claim, , ...newer] = statements(setup);
    const [, record] = await setup.all();
    if (record === undefined) throw new Error('nothing stored');
    setup.store = makeMemoryStore();
    await setup.store.reserve(record, signal);
    await setBack(setup, 0);
    await restore(setup);
    expect(statements(setup)).toEqual([claim, ...newer]);
    setup.store = makeMemoryStore();
    expect(await restore(setup, digestOfB)).toMatchObject({
      kind: 'restored',
      found: { record: { generation: 1 } },
    });
  });

  it('publishes nothing that was never proved to be in the log', async () => {
    const setup = setUp();
    await setup.stopped('reserved', ({ ledger }) => ledger.record(first(digestOfA), signal));
    const [reserved] = await setup.all();
    if (reserved !== undefined) await write(setup, { ...reserved, phase: 'Unlogged' });
    expect(await codeOf(() => restore(setup))).toBe('RECORD_INVALID');
    expect(await phases(setup)).toEqual(['Unlogged']);
    expect(setup.log.entries).toEqual([]);
  });

  it.each<ProtocolStep>(['claimSubmitted', 'bindingSubmitted', 'verified', 'saved'])(
    'stopped at "%s" is finished by the next try, without a gap',
    async (step) => {
      const setup = setUp();
      await moved(setup);
      const said = statements(setup);
      await setBack(setup, 0);
      await setup.stopped(step, ({ restorer }) => restorer.restore(alpine, digestOfC, signal));
      expect(await restore(setup)).toMatchObject({ found: { record: { generation: 1 } } });
      expect(statements(setup)).toEqual(said);
      expect(await phases(setup)).toEqual(['Logged', 'Logged']);
    },
  );

  it('is shared by two that try at once', async () => {
    const setup = setUp();
    await moved(setup);
    const said = statements(setup);
    await setBack(setup, 0);
    const outcomes = await Promise.all([restore(setup), restore(setup)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ found: { logged: true } });
    expect(statements(setup)).toEqual(said);
  });

  it('changes nothing while the log is away', async () => {
    const setup = setUp();
    await moved(setup);
    await setBack(setup, 0);
    setup.log.down(true);
    expect(await codeOf(() => restore(setup))).toBe('LOG_UNAVAILABLE');
    expect(await phases(setup)).toEqual(['Unlogged', 'Unlogged']);
  });
});

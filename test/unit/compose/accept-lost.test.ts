import { describe, expect, it } from '@jest/globals';
import type { AcceptOutcome } from '../../../src/cli/ports.ts';
import { makeLedgerOperations, type LedgerOperations } from '../../../src/compose/ledger-operations.ts';
import type { RecordPhase, TagRecord } from '../../../src/ledger/record.ts';
import { parseApproval } from '../../../src/ledger/statement.ts';
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
import { makeScriptedResolver } from '../../support/scripted-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

/** What one command of a new process can do; the tag points to `now`. */
function operations(setup: Generations, now: Digest = digestOfC): LedgerOperations {
  const { ledger, restorer, naming } = setup.process();
  const resolver = makeScriptedResolver();
  resolver.now(alpine.canonical, now);
  const { store, log } = setup;
  return makeLedgerOperations({ ledger, restorer, resolver, store, naming, verifier: log.verifier });
}

const accept = (setup: Generations, digest = digestOfC): Promise<AcceptOutcome> =>
  operations(setup, digest).accept({ reference: alpine, digest, approval }, signal);

/** The store keeps the records of these generations, in this phase. */
async function keep(setup: Generations, generations: readonly number[], phase?: RecordPhase): Promise<void> {
  const kept = (await setup.all()).filter(({ generation }) => generations.includes(generation));
  setup.store = makeMemoryStore();
  for (const record of kept) await setup.store.reserve({ ...record, phase: phase ?? record.phase }, signal);
}

/** Claimed by A and not bound, as a crash between both leaves it. */
async function claimedOnly(setup: Generations): Promise<void> {
  await setup.stopped('claimSubmitted', ({ ledger }) => ledger.record(first(digestOfA), signal));
}

async function movedHalfway(setup: Generations): Promise<void> {
  await setup.process().ledger.record(first(digestOfA), signal);
  await setup.stopped('claimSubmitted', ({ ledger }) => ledger.advance(move(digestOfB), signal));
}

interface Loss {
  readonly title: string;
  readonly lose: (setup: Generations) => Promise<void>;
  /** The generation that is lost. */
  readonly lost: number;
}

const LOSSES: readonly Loss[] = [
  {
    title: 'a first sight that the log has no binding of, and the store nothing',
    lost: 0,
    async lose(setup) {
      await claimedOnly(setup);
      await keep(setup, []);
    },
  },
  {
    title: 'a move that the log has no binding of, and the store only the generation before',
    lost: 1,
    async lose(setup) {
      await movedHalfway(setup);
      await keep(setup, [0]);
    },
  },
  {
    title: 'a whole store, while nobody knows the digest that the log binds',
    lost: 1,
    async lose(setup) {
      await setup.moved();
      await keep(setup, []);
    },
  },
  ...(['Lost', 'Conflicted', 'Unlogged'] as const).map((phase) => ({
    title: `a record that is ${phase}`,
    lost: 0,
    async lose(setup: Generations) {
      await claimedOnly(setup);
      await keep(setup, [0], phase);
    },
  })),
];

describe.each(['embedded', 'rekor-v1'] as const)('accepting over a lost generation on %s', (kind) => {
  it.each(LOSSES)('goes on with the generation after $title', async ({ lose, lost }) => {
    const setup = setUpGenerations(kind);
    await lose(setup);
    const before = setup.log.entries.length;
    expect(await accept(setup)).toMatchObject({
      kind: 'accepted',
      lost,
      found: { logged: true, record: { digest: digestOfC, generation: lost + 1, phase: 'Logged' } },
    });
    expect(setup.log.entries).toHaveLength(before + 2);
    const after = setup.process();
    await after.history.ready(signal);
    expect(await after.ledger.find(alpine, signal)).toMatchObject({
      logged: true,
      record: { digest: digestOfC },
    });
    expect(await accept(setup)).toMatchObject({ kind: 'present' });
  });

  it('signs that somebody accepts it, and that nobody knows what the tag meant before', async () => {
    const setup = setUpGenerations(kind);
    await claimedOnly(setup);
    await keep(setup, []);
    await accept(setup);
    const [record] = await setup.all();
    const said = parseApproval(record?.approval?.statement ?? '');
    expect(said).toMatchObject({ ...approval, digest: digestOfC, generation: 1 });
    expect(said).not.toHaveProperty('from');
  });

  it('restores first what the log binds to the digest that is named', async () => {
    const setup = setUpGenerations(kind);
    await setup.moved();
    await keep(setup, []);
    expect(await accept(setup, digestOfB)).toMatchObject({
      kind: 'present',
      found: { record: { generation: 1, digest: digestOfB, origin: 'restore' } },
    });
    expect(setup.log.entries).toHaveLength(4);
  });

  it('takes a record that can be mended for what was before', async () => {
    const setup = setUpGenerations(kind);
    await setup.moved();
    await keep(setup, [0, 1], 'Lost');
    expect(await accept(setup)).toMatchObject({
      kind: 'accepted',
      from: { generation: 1, digest: digestOfB },
      found: { record: { generation: 2 } },
    });
  });

  it('is followed by moves, history, export and import, and by a restore from the log alone', async () => {
    const setup = setUpGenerations(kind);
    await claimedOnly(setup);
    await keep(setup, []);
    await accept(setup);
    const [over] = await setup.all();
    expect(await accept(setup, digestOfA)).toMatchObject({
      kind: 'accepted',
      found: { record: { generation: 2 } },
    });
    expect(await operations(setup).generations(alpine, signal)).toMatchObject([
      { kind: 'verified', logged: true, record: { generation: 1 } },
      { kind: 'verified', logged: true, record: { generation: 2 } },
    ]);
    const exported: readonly TagRecord[] = await setup.all();
    setup.store = makeMemoryStore();
    if (over !== undefined)
      expect(await operations(setup).importRecord(over, { dryRun: false }, signal)).toEqual({
        kind: 'imported',
      });
    await keep(setup, []);
    expect(exported).toHaveLength(2);
    expect(await setup.process().restorer.restore(alpine, digestOfA, signal)).toMatchObject({
      kind: 'restored',
      found: { logged: true, record: { generation: 2, digest: digestOfA } },
    });
  });

  it('gives one of two that accept at once the generation, and tells both', async () => {
    const setup = setUpGenerations(kind);
    await claimedOnly(setup);
    await keep(setup, []);
    const outcomes = await Promise.all([accept(setup), accept(setup)]);
    expect(outcomes.map((each) => each.kind).sort()).toEqual(['accepted', 'present']);
    expect(await setup.all()).toHaveLength(1);
  });

  it('goes on after a crash as any reservation does', async () => {
    const setup = setUpGenerations(kind);
    await claimedOnly(setup);
    await keep(setup, []);
    const lost = 'plain';
    await setup.stopped('reserved', ({ ledger }) =>
      ledger.advance(move(digestOfC, { from: 0, lost, approval }), signal),
    );
    expect(await setup.all()).toMatchObject([{ phase: 'Reserved', generation: 1 }]);
    expect(await accept(setup)).toMatchObject({ kind: 'present', found: { logged: true } });
    expect(await setup.all()).toMatchObject([{ phase: 'Logged', generation: 1 }]);
  });

  it('accepts no digest that the tag does not point to, and nothing while the log is away', async () => {
    const setup = setUpGenerations(kind);
    await claimedOnly(setup);
    await keep(setup, []);
    const elsewhere = operations(setup, digestOfB);
    const request = { reference: alpine, digest: digestOfC, approval };
    expect(await codeOf(() => elsewhere.accept(request, signal))).toBe('DIGEST_MISMATCH');
    setup.log.down(true);
    expect(await codeOf(() => accept(setup))).toBe('LOG_UNAVAILABLE');
    expect(await setup.all()).toEqual([]);
  });

  it('calls a tag that the log never saw unknown', async () => {
    const setup = setUpGenerations(kind);
    expect(await accept(setup)).toEqual({ kind: 'unknown' });
    expect(setup.log.entries).toEqual([]);
  });
});

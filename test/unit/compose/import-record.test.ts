import { describe, expect, it } from '@jest/globals';
import { makeLedgerOperations } from '../../../src/compose/ledger-operations.ts';
import type { RecordPhase, TagRecord } from '../../../src/ledger/record.ts';
import {
  alpine,
  first,
  setUpGenerations,
  signal,
  type Generations,
} from '../../support/generations-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

/** What was exported, and beside it a younger reservation with another digest in a store that had lost it. */
async function setUp(phase: RecordPhase, treeSize: number) {
  const setup = setUpGenerations();
  await setup.process().ledger.record(first(digestOfA), signal);
  const [exported] = await setup.all();
  if (exported === undefined) throw new Error('nothing stored');
  setup.store = makeMemoryStore();
  const reservedAt = { ...exported.reservedAt, treeSize };
  await setup.store.reserve({ ...exported, digest: digestOfB, phase, reservedAt }, signal);
  return { setup, exported };
}

async function imported(setup: Generations, record: TagRecord, dryRun = false) {
  const { ledger, restorer, naming } = setup.process();
  const { store, log } = setup;
  const parts = { ledger, restorer, resolver: makeScriptedResolver(), store, naming, verifier: log.verifier };
  return makeLedgerOperations(parts).importRecord(record, { dryRun }, signal);
}

describe('importing over a record that is refused', () => {
  it.each(['Lost', 'Conflicted'] as const)(
    'mends a %s one with the older evidence of the log',
    async (phase) => {
      const { setup, exported } = await setUp(phase, 2);
      expect(await imported(setup, exported, true)).toEqual({ kind: 'imported' });
      expect(await setup.all()).toMatchObject([{ phase, digest: digestOfB }]);
      expect(await imported(setup, exported)).toEqual({ kind: 'imported' });
      expect(await setup.process().ledger.find(alpine, signal)).toMatchObject({
        logged: true,
        record: { digest: digestOfA, origin: 'import' },
      });
    },
  );

  it('leaves a Conflicted one where the evidence is not older than its reservation, and says so', async () => {
    const { setup, exported } = await setUp('Conflicted', 1);
    expect(await imported(setup, exported)).toEqual({
      kind: 'conflict',
      recorded: digestOfB,
      isConflicted: true,
    });
    expect(await setup.all()).toMatchObject([{ phase: 'Conflicted', digest: digestOfB }]);
  });
});

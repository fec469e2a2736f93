import { beforeEach, describe, expect, it } from '@jest/globals';
import { makeRecordMemory } from '../../../src/protocol/memory.ts';
import type { EvidenceVerifier, LogHistory, RecordStore } from '../../../src/protocol/ports.ts';
import { wireLedger } from '../../support/ledger-setup.ts';
import { makeMemoryLog, type MemoryLog } from '../../support/memory-log.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { tagReference } from '../../support/test-registry.ts';

const { signal } = new AbortController();
const reference = tagReference('alpine:3.16');
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a process that starts while the log is away', () => {
  let log: MemoryLog;
  let store: RecordStore;
  let finds: number;
  let verified: number;

  /** A process; `history` may be shared with the test. */
  function start(history: LogHistory = log.history()) {
    const counting: RecordStore = {
      ...store,
      find: async (...args) => {
        finds += 1;
        return store.find(...args);
      },
    };
    const verifier: EvidenceVerifier = {
      ...log.verifier,
      verify: async (logged) => {
        verified += 1;
        return log.verifier.verify(logged);
      },
    };
    const { writer } = log;
    return wireLedger({ store: counting, signer: log.keySigner(), verifier, writer, history });
  }

  beforeEach(async () => {
    log = makeMemoryLog();
    store = makeMemoryStore();
    const { ledger } = start();
    await ledger.record({ reference, digest: digestOfA, origin: 'cli', waitFor: 'logged' }, signal);
    log.down(true);
    [finds, verified] = [0, 0];
  });

  it('reads and verifies a known tag once, and answers from memory then', async () => {
    const { ledger } = start();
    for (let i = 0; i < 5; i += 1)
      expect(await ledger.find(reference, signal)).toMatchObject({ record: { digest: digestOfA } });
    expect([finds, verified]).toEqual([1, 2]);
  });

  it('forgets it when the log is back, and refuses it where the log has a newer generation', async () => {
    const { ledger } = start();
    const remembered = await ledger.find(reference, signal);
    const elsewhere = makeMemoryStore();
    const known = await store.find(remembered?.record.claimId ?? '', signal);
    await settled();
    log.down(false);
    if (known === undefined) throw new Error('the tag is known');
    await elsewhere.reserve(known.record, signal);
    const other = wireLedger({
      store: elsewhere,
      signer: log.keySigner(),
      verifier: log.verifier,
      writer: log.writer,
      history: log.history(),
    });
    const move = { reference, digest: digestOfB, origin: 'cli', waitFor: 'logged', from: 0 } as const;
    await other.ledger.advance(move, signal);
    // until the log is read it is known, and then no more
    await ledger.find(reference, signal).catch(() => undefined);
    await settled();
    await expect(ledger.find(reference, signal)).rejects.toMatchObject({ code: 'RECORD_LOST' });
  });

  it('verifies once for all who ask for a tag at once', async () => {
    const { ledger } = start();
    const found = await Promise.all(Array.from({ length: 2_000 }, () => ledger.find(reference, signal)));
    expect(new Set(found.map((each) => each?.record.digest))).toEqual(new Set([digestOfA]));
    expect([finds, verified]).toEqual([1, 2]);
  });

  it('lets an asker go who may not wait, and goes on for the others', async () => {
    const { ledger } = start();
    const impatient = ledger.find(reference, AbortSignal.abort());
    const patient = ledger.find(reference, signal);
    await expect(impatient).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await patient).toMatchObject({ record: { digest: digestOfA } });
  });
});

describe('a refused record in memory', () => {
  const known = sampleRecord('docker.io/library/alpine:3.16');
  const found = { record: known, logged: true };

  it('is forgotten, not put back by who had loaded it before, and remembered again once it is mended', () => {
    const memory = makeRecordMemory(new Map());
    memory.set(found);
    const era = memory.era();
    memory.forget(known.claimId, known.generation);
    memory.set(found, era);
    expect(memory.get(known.reference)).toBeUndefined();
    memory.set(found, memory.era());
    expect(memory.get(known.reference)).toBe(found);
  });

  it('leaves a newer generation where it is', () => {
    const memory = makeRecordMemory(new Map());
    const newer = { record: { ...known, generation: known.generation + 1 }, logged: true };
    memory.set(newer);
    memory.forget(known.claimId, known.generation);
    expect(memory.get(known.reference)).toBe(newer);
  });
});

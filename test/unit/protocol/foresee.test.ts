import { describe, expect, it } from '@jest/globals';
import { alpine, digestOfC, first, move, setUpGenerations, signal } from '../../support/generations-setup.ts';
import { makeMemoryStore } from '../../support/memory-store.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { codeOf } from '../../support/throw-with-code.ts';

describe.each(['embedded', 'rekor-v1'] as const)('what recording would come to on %s', (kind) => {
  it('is a new tag where the log has no claim of it', async () => {
    const setup = setUpGenerations(kind);
    expect(await setup.process().ledger.foresee(alpine, digestOfA, signal)).toBe('new');
  });

  it('is what record does then: restored with the digest of the newest generation, lost with any other', async () => {
    const setup = setUpGenerations(kind);
    await setup.moved();
    setup.store = makeMemoryStore();
    for (const digest of [digestOfA, digestOfC]) {
      const { ledger } = setup.process();
      expect(await codeOf(() => ledger.foresee(alpine, digest, signal))).toBe('RECORD_LOST');
      expect(await codeOf(() => ledger.record(first(digest), signal))).toBe('RECORD_LOST');
    }
    expect(await setup.process().ledger.foresee(alpine, digestOfB, signal)).toBe('restorable');
    expect(await setup.all()).toEqual([]);
    expect(setup.log.entries).toHaveLength(4);
  });

  it('is lost where the log has a claim and no binding', async () => {
    const setup = setUpGenerations(kind);
    await setup.process().ledger.record(first(digestOfA), signal);
    await setup.stopped('claimSubmitted', ({ ledger }) => ledger.advance(move(digestOfB), signal));
    setup.store = makeMemoryStore();
    expect(await codeOf(() => setup.process().ledger.foresee(alpine, digestOfB, signal))).toBe('RECORD_LOST');
  });

  it('cannot be told while the log is away, nor of what somebody records at that moment', async () => {
    const setup = setUpGenerations(kind);
    const { ledger } = setup.process();
    await ledger.record(first(digestOfA), signal);
    expect(await codeOf(() => setup.process().ledger.foresee(alpine, digestOfC, signal))).toBe(
      'STORE_UNAVAILABLE',
    );
    setup.log.down(true);
    expect(await codeOf(() => setup.process().ledger.foresee(alpine, digestOfC, signal))).toBe(
      'LOG_UNAVAILABLE',
    );
  });
});

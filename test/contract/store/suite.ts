import { describe, expect, it } from '@jest/globals';
import type { TagRecord } from '../../../src/ledger/record.ts';
import type { RecordStore } from '../../../src/protocol/ports.ts';
import { digestOfB, sampleRecord } from '../../support/sample-record.ts';

export interface StoreUnderTest extends AsyncDisposable {
  readonly store: RecordStore;
  /** The same records through another instance, as a second process sees them. */
  readonly again: () => RecordStore;
}

/** What every RecordStore promises. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  const { signal } = new AbortController();

  describe(`the store contract: ${name}`, () => {
    it('finds nothing in an empty store', async () => {
      await using opened = await open();
      expect(await opened.store.find(sampleRecord().claimId, signal)).toBeUndefined();
    });

    it('finds a reserved record as it was written, also from another instance', async () => {
      await using opened = await open();
      const record = sampleRecord();
      expect(await opened.store.reserve(record, signal)).toBe('created');
      expect((await opened.store.find(record.claimId, signal))?.record).toEqual(record);
      expect((await opened.again().find(record.claimId, signal))?.record).toEqual(record);
    });

    it('lets one of many reservations of a tag win, and keeps the winner', async () => {
      await using opened = await open();
      const writers = Array.from({ length: 16 }, (_, i) => ({
        store: i % 2 === 0 ? opened.store : opened.again(),
        record: sampleRecord('docker.io/library/alpine:3.16', {
          firstSeen: new Date(i * 1000).toISOString(),
        }),
      }));
      const outcomes = await Promise.all(writers.map(({ store, record }) => store.reserve(record, signal)));
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      const winner = writers[outcomes.indexOf('created')]?.record;
      expect((await opened.store.find(sampleRecord().claimId, signal))?.record).toEqual(winner);
    });

    it('updates by compare-and-swap: of two writers of one version one wins', async () => {
      await using opened = await open();
      const record = sampleRecord();
      await opened.store.reserve(record, signal);
      const version = (await opened.store.find(record.claimId, signal))?.version ?? '';
      const outcomes = await Promise.all([
        opened.store.update({ ...record, phase: 'Lost' }, version, signal),
        opened.again().update({ ...record, phase: 'Unlogged' }, version, signal),
      ]);
      expect(outcomes.toSorted()).toEqual(['conflict', 'updated']);
      const phase = (await opened.store.find(record.claimId, signal))?.record.phase;
      expect(phase).toBe(outcomes[0] === 'updated' ? 'Lost' : 'Unlogged');
    });

    it('refuses an update of an old version', async () => {
      await using opened = await open();
      const record = sampleRecord();
      await opened.store.reserve(record, signal);
      const version = (await opened.store.find(record.claimId, signal))?.version ?? '';
      await opened.store.update({ ...record, phase: 'Lost' }, version, signal);
      expect(await opened.store.update({ ...record, phase: 'Unlogged' }, version, signal)).toBe('conflict');
    });

    it('refuses to reserve a tag whose record was updated since', async () => {
      await using opened = await open();
      const record = sampleRecord();
      await opened.store.reserve(record, signal);
      const version = (await opened.store.find(record.claimId, signal))?.version ?? '';
      await opened.store.update({ ...record, phase: 'Lost' }, version, signal);
      expect(await opened.again().reserve(record, signal)).toBe('exists');
    });

    it('finds the highest generation of a tag', async () => {
      await using opened = await open();
      for (const generation of [0, 1, 2, 10]) {
        await opened.store.reserve(sampleRecord(undefined, { generation, digest: digestOfB }), signal);
      }
      const found = await opened.store.find(sampleRecord().claimId, signal);
      expect(found?.record.generation).toBe(10);
    });

    it('gives every generation of a tag in its newest version, the first one first', async () => {
      await using opened = await open();
      const generations = [10, 0, 2, 1];
      for (const generation of generations)
        await opened.store.reserve(sampleRecord(undefined, { generation }), signal);
      await opened.store.reserve(sampleRecord('docker.io/library/busybox:1', { generation: 3 }), signal);
      const versions = async () =>
        new Map(
          (await opened.store.generations(sampleRecord().claimId, signal)).map(({ record, version }) => [
            record.generation,
            version,
          ]),
        );
      const before = await versions();
      const lost = sampleRecord(undefined, { generation: 2, phase: 'Lost' });
      await opened.again().update(lost, before.get(2) ?? '', signal);
      const found = await opened.store.generations(sampleRecord().claimId, signal);
      expect(found.map(({ record: { generation, phase } }) => [generation, phase])).toEqual([
        [0, 'Reserved'],
        [1, 'Reserved'],
        [2, 'Lost'],
        [10, 'Reserved'],
      ]);
      const changed = found.filter(({ record, version }) => before.get(record.generation) !== version);
      expect(changed.map(({ record }) => record.generation)).toEqual([2]);
    });

    it('gives no generation of a tag that it does not know', async () => {
      await using opened = await open();
      expect(await opened.store.generations(sampleRecord().claimId, signal)).toEqual([]);
    });

    it('takes a record from Lost to Logged', async () => {
      await using opened = await open();
      const lost = sampleRecord(undefined, { phase: 'Lost' });
      await opened.store.reserve(lost, signal);
      const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' };
      const logged: TagRecord = {
        ...lost,
        phase: 'Logged',
        claim: { ...lost.claim, bundle },
        binding: { ...lost.binding, bundle },
      };
      const version = (await opened.store.find(lost.claimId, signal))?.version ?? '';
      expect(await opened.store.update(logged, version, signal)).toBe('updated');
      expect((await opened.again().find(lost.claimId, signal))?.record).toEqual(logged);
    });

    it('lists every record once, in its newest version', async () => {
      await using opened = await open();
      const names = Array.from({ length: 20 }, (_, i) => `docker.io/library/alpine:${i}`);
      for (const name of names) await opened.store.reserve(sampleRecord(name), signal);
      const first = await opened.store.find(sampleRecord(names[0]).claimId, signal);
      await opened.store.update({ ...sampleRecord(names[0]), phase: 'Lost' }, first?.version ?? '', signal);
      const listed = [];
      for await (const stored of opened.store.list(signal))
        if ('record' in stored) listed.push(stored.record);
      expect(listed.map(({ reference }) => reference).toSorted()).toEqual(names.toSorted());
      expect(listed.find(({ reference }) => reference === names[0])?.phase).toBe('Lost');
    });
  });
}

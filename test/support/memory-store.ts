import type { TagRecord } from '../../src/ledger/record.ts';
import { recordName } from '../../src/ledger/tag-record.ts';
import type { RecordStore, StoredRecord } from '../../src/protocol/ports.ts';

/** A store without a disk; passes the same contract suite as the real ones. */
export function makeMemoryStore(): RecordStore {
  const records = new Map<string, StoredRecord>();

  function generationsOf(claimId: string): readonly StoredRecord[] {
    const first = recordName(claimId, 0);
    return [...records]
      .filter(([name]) => name === first || name.startsWith(`${first}-`))
      .map(([, stored]) => stored)
      .sort((a, b) => a.record.generation - b.record.generation);
  }

  return {
    async find(claimId) {
      return generationsOf(claimId).at(-1);
    },
    async generations(claimId) {
      return generationsOf(claimId);
    },
    async reserve(record: TagRecord) {
      const name = recordName(record.claimId, record.generation);
      if (records.has(name)) return 'exists';
      records.set(name, { record, version: '1' });
      return 'created';
    },
    async update(record, version) {
      const name = recordName(record.claimId, record.generation);
      if (records.get(name)?.version !== version) return 'conflict';
      records.set(name, { record, version: String(Number(version) + 1) });
      return 'updated';
    },
    async *list() {
      yield* records.values();
    },
  };
}

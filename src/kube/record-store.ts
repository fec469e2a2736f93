import { AppError } from '../errors/app-error.ts';
import { recordName } from '../ledger/tag-record.ts';
import type { RecordStore, StoredRecord } from '../protocol/ports.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { generationOf, recordFields, recordObject, storedRecord } from './record-object.ts';
import { TAG_RECORDS } from './resources.ts';
import { asStore } from './store-error.ts';

const PAGE = 500;
const VERSION = /^[1-9]\d{0,19}$/;

/** Records as TagRecord resources: a create is one POST, an update one patch of the version that was read. */
export function makeRecordStore(api: KubeApi): RecordStore {
  /**
   * Every generation in one consistent read: the claim is in an immutable field by which the API server selects, from
   * its cache and after asking etcd how far that is. A name says nothing of the generations that there are.
   */
  async function generationsOf(claimId: string, signal: AbortSignal): Promise<readonly KubeObject[]> {
    const options = { fieldSelector: `spec.claimId=${claimId}`, limit: 0 };
    const page = await asStore(api.listPage(TAG_RECORDS, options, signal));
    if (page === 'expired' || page.continue !== undefined) throw unlisted();
    return page.items.toSorted((a, b) => generationOf(a) - generationOf(b));
  }

  return {
    async find(claimId, signal) {
      const newest = (await generationsOf(claimId, signal)).at(-1);
      return newest && (await storedRecord(newest));
    },

    async generations(claimId, signal) {
      return Promise.all((await generationsOf(claimId, signal)).map(storedRecord));
    },

    async reserve(record, signal) {
      const created = await asStore(api.create(TAG_RECORDS, await recordObject(record), signal));
      return created === 'exists' ? 'exists' : 'created';
    },

    async update(record, version, signal) {
      if (!VERSION.test(version)) return 'conflict';
      const name = recordName(record.claimId, record.generation);
      const { spec, evidence, status } = await recordFields(record);
      const metadata = { resourceVersion: version };
      // null takes away what is there; what the scan has observed stays
      const patch = { metadata, spec, evidence, status: { log: null, ...status } };
      const outcome = await asStore(api.mergePatch(TAG_RECORDS, name, patch, signal));
      return outcome === undefined || outcome === 'conflict' ? 'conflict' : 'updated';
    },

    async *list(signal) {
      const told = new Set<string>();
      for (let next: string | undefined, isLast = false; !isLast;) {
        const more = next === undefined ? {} : { continue: next };
        const page = await asStore(api.listPage(TAG_RECORDS, { limit: PAGE, ...more }, signal));
        if (page === 'expired') {
          // whoever takes long over a page begins again, and is told nothing twice
          next = undefined;
          continue;
        }
        for (const object of page.items) {
          if (told.has(object.metadata.name)) continue;
          told.add(object.metadata.name);
          yield await readable(object);
        }
        next = page.continue;
        isLast = next === undefined;
      }
    },
  };
}

async function readable(object: KubeObject): Promise<StoredRecord | { name: string; error: unknown }> {
  try {
    return await storedRecord(object);
  } catch (error) {
    return { name: object.metadata.name, error };
  }
}

function unlisted(): AppError {
  const message = 'the store in the cluster cannot be used: the API server gave half a list; try again';
  return new AppError({ code: 'STORE_UNAVAILABLE', message });
}

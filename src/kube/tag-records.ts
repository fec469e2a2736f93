import type { StoredRecord } from '../protocol/ports.ts';
import type { TagReference } from '../reference/reference.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { generationOf, storedRecord } from './record-object.ts';
import { TAG_RECORDS } from './resources.ts';
import { AppError } from '../errors/app-error.ts';

/** A TagRecord, read: its content counts for nothing yet. */
export type ReadRecord =
  | { readonly kind: 'read'; readonly generation: number; readonly stored: StoredRecord }
  | { readonly kind: 'broken'; readonly generation: number; readonly error: unknown };

const MAX_RECORDS = 500;

/**
 * All TagRecords of the tag, of whatever scope, oldest generation first: for who cannot compute the claim id of a private
 * name. Throws KUBERNETES_*.
 */
export async function recordsOfTag(
  api: Pick<KubeApi, 'listPage'>,
  { registry, repository, tag }: TagReference,
  signal: AbortSignal,
): Promise<readonly ReadRecord[]> {
  const fieldSelector = `spec.registry=${registry},spec.repository=${repository},spec.tag=${tag}`;
  const page = await api.listPage(TAG_RECORDS, { fieldSelector, limit: MAX_RECORDS }, signal);
  if (page === 'expired' || page.continue !== undefined) throw tooMany(fieldSelector);
  const read = await Promise.all(page.items.map(readRecord));
  return read.toSorted((a, b) => a.generation - b.generation);
}

async function readRecord(object: KubeObject): Promise<ReadRecord> {
  const generation = generationOf(object);
  try {
    return { kind: 'read', generation, stored: await storedRecord(object) };
  } catch (error) {
    return { kind: 'broken', generation, error };
  }
}

function tooMany(fieldSelector: string): AppError {
  return new AppError({
    code: 'STORE_UNAVAILABLE',
    message: `cannot read the TagRecords with ${fieldSelector}: there are more than ${MAX_RECORDS}; look at them with kubectl get tagrecords`,
  });
}

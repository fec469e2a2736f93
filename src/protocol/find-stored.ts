import type { TagReference } from '../reference/reference.ts';
import type { Naming } from './naming.ts';
import type { RecordStore, StoredRecord } from './ports.ts';

/**
 * The record of a tag, under the name that it has now or under the one of the other privacy: a changed setting must not
 * make a known tag look new. Throws as RecordStore.find.
 */
export async function findStored(
  reference: TagReference,
  { store, naming }: { readonly store: RecordStore; readonly naming: Naming },
  signal: AbortSignal,
): Promise<StoredRecord | undefined> {
  for (const privacy of naming.privacies(reference)) {
    const stored = await store.find(naming.claimId(reference, privacy), signal);
    if (stored !== undefined) return stored;
  }
  return undefined;
}

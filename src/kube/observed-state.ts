import type { KubeApi } from './api.ts';
import { fieldsOf, textOf } from './fields.ts';
import { TAG_RECORDS } from './resources.ts';

const STATES = ['Same', 'Moved', 'Gone', 'Unknown'] as const;

/** What a tag was found to be; `status.observed` of a TagRecord. */
export interface ObservedTag {
  readonly state: (typeof STATES)[number];
  readonly digest?: string;
}

/** An unchanged state is written again after this: a reader of the record sees that somebody still looks. */
const WRITE_EVERY_MS = 86_400_000;

/** Writes what was seen of a record beside it; gives the state that stood there. Throws KUBERNETES_*. */
export async function writeObserved(
  { api, now }: { readonly api: KubeApi; readonly now: number },
  name: string,
  { state, digest }: ObservedTag,
  signal: AbortSignal,
): Promise<ObservedTag['state'] | undefined> {
  const record = await api.get(TAG_RECORDS, name, signal);
  if (record === undefined) return undefined;
  const before = fieldsOf(fieldsOf(record['status'])['observed']);
  const stood = STATES.find((known) => known === before['state']);
  // nobody could be asked: what was seen last stays, with its time
  if (state === 'Unknown' && stood !== undefined) return state;
  const age = now - Date.parse(textOf(before['time']) ?? '');
  if (stood === state && before['digest'] === digest && age < WRITE_EVERY_MS) return stood;
  const observed = { state, digest: digest ?? null, time: new Date(now).toISOString() };
  await api.mergePatch(TAG_RECORDS, name, { status: { observed } }, signal);
  return stood;
}

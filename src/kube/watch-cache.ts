import { makeListWatch, type ListWatch, type ListWatchParts, type ObjectKey } from './list-watch.ts';

export interface WatchCache<Item> extends ListWatch {
  get(key: ObjectKey): Item | undefined;
  values(): IterableIterator<Item>;
}

export interface WatchCacheParts<Item> extends Omit<
  ListWatchParts<Item>,
  'onReplace' | 'onUpsert' | 'onDelete'
> {
  /** After each change. */
  readonly onChange?: () => void;
}

/** What there is in the cluster, as it was last heard of: empty until `synced`, and as it was during an outage. */
export function makeWatchCache<Item>({ onChange, ...parts }: WatchCacheParts<Item>): WatchCache<Item> {
  let items: Map<ObjectKey, Item> = new Map<ObjectKey, Item>();
  const { run, synced } = makeListWatch({
    ...parts,
    onReplace(all) {
      items = new Map(all);
      onChange?.();
    },
    onUpsert(key, item) {
      items.set(key, item);
      onChange?.();
    },
    onDelete(key) {
      items.delete(key);
      onChange?.();
    },
  });
  return { run, synced, get: (key) => items.get(key), values: () => items.values() };
}

import { LRUCache } from 'lru-cache';

interface Entry<Value> {
  readonly value: Value;
  readonly from: number;
  readonly until: number;
}

export interface TtlCache<Value> {
  get(key: string): Value | undefined;
  /** Keeps the value for `milliseconds`. */
  set(key: string, value: Value, milliseconds: number): void;
  delete(key: string): void;
}

/** At most `max` values, the least recently used one leaves first. `now` is in milliseconds. */
export function makeTtlCache<Value>(options: {
  readonly max: number;
  readonly now: () => number;
}): TtlCache<Value> {
  const entries = new LRUCache<string, Entry<Value>>({ max: options.max });
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const now = options.now();
      // a clock that was set back must not make a value live longer
      if (now >= entry.from && now < entry.until) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value, milliseconds) {
      const from = options.now();
      entries.set(key, { value, from, until: from + milliseconds });
    },
    delete(key) {
      entries.delete(key);
    },
  };
}

import { LRUCache } from 'lru-cache';

export interface BucketOptions {
  /** Tokens that come back in a minute; a full bucket holds as many. 0: no limit. */
  readonly perMinute: number;
  readonly clock: { monotonicMs(): number };
}

/** One bucket of tokens for each key. */
export interface TokenBuckets {
  /** Takes a token and gives 0, or gives the seconds after which there is one again. */
  take(key: string): number;
  /** Gives a token back that was not needed. */
  giveBack(key: string): void;
}

/** Who has not been seen for long has a full bucket again, so that forgetting costs no more than the limit itself. */
const MAX_KEYS = 20_000;
const MINUTE_MS = 60_000;

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

export function makeTokenBuckets({ perMinute, clock }: BucketOptions): TokenBuckets {
  const buckets = new LRUCache<string, Bucket>({ max: MAX_KEYS });

  function level(key: string, now: number): number {
    const bucket = buckets.get(key);
    if (bucket === undefined) return perMinute;
    return Math.min(perMinute, bucket.tokens + ((now - bucket.at) * perMinute) / MINUTE_MS);
  }

  return {
    take(key) {
      if (perMinute === 0) return 0;
      const now = clock.monotonicMs();
      const tokens = level(key, now);
      const isLeft = tokens >= 1;
      buckets.set(key, { tokens: isLeft ? tokens - 1 : tokens, at: now });
      return isLeft ? 0 : Math.ceil(((1 - tokens) * 60) / perMinute);
    },
    giveBack(key) {
      if (perMinute === 0) return;
      const now = clock.monotonicMs();
      buckets.set(key, { tokens: Math.min(perMinute, level(key, now) + 1), at: now });
    },
  };
}

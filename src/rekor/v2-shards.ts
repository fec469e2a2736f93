import { selectV2Log, type SigningConfig, type TlogService } from './signing-config.ts';

const REREAD_MS = 600_000;

/** The shards of a Rekor v2 at one time. */
export interface Shards {
  /** Takes the writes. */
  readonly active: TlogService;
  /** Whatever has begun, ended or not, the newest first: what was written there stays readable. */
  readonly readable: readonly TlogService[];
}

export interface ShardWatchOptions {
  /** Throws TRUST_ROOT_INVALID, TRUST_ROOT_UNAVAILABLE. */
  readonly read: () => Promise<SigningConfig>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic, in milliseconds. */
  readonly monotonicMs: () => number;
  /** Told of a config that cannot be read any more, while the last good one is used. */
  readonly onStale: (error: unknown) => void;
}

export interface ShardWatch {
  /** Reads the config again every 10 minutes. Throws as `read` the first time, and as selectV2Log. */
  current(): Promise<Shards>;
}

/** The shards that a config names at `now`. Throws TRUST_ROOT_INVALID, as selectV2Log. */
export function shardsAt(config: SigningConfig, now: number): Shards {
  const active = selectV2Log(config, now);
  const readable = config.logs
    .filter((log) => log.majorApiVersion === active.majorApiVersion && log.validFor.start <= now)
    .toSorted((a, b) => b.validFor.start - a.validFor.start);
  return { active, readable };
}

/** Follows a signing config, so that writes go to a new shard from its first moment on and without a restart. */
export function makeShardWatch({ read, now, monotonicMs, onStale }: ShardWatchOptions): ShardWatch {
  let last: SigningConfig | undefined;
  let readAt = -Infinity;
  let reading: Promise<SigningConfig> | undefined;

  async function reread(): Promise<SigningConfig> {
    try {
      const next = await read();
      // one that names no log must not take the place of one that does
      selectV2Log(next, now());
      last = next;
      return next;
    } catch (error) {
      if (last === undefined) throw error;
      onStale(error);
      return last;
    } finally {
      readAt = monotonicMs();
    }
  }

  return {
    async current() {
      const isDue = monotonicMs() - readAt >= REREAD_MS;
      if (!isDue && last !== undefined) return shardsAt(last, now());
      reading ??= reread().finally(() => {
        reading = undefined;
      });
      const config = await reading;
      return shardsAt(config, now());
    },
  };
}

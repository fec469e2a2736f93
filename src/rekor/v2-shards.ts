import { AppError } from '../errors/app-error.ts';
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
  /** What to work with from now on: the one that takes entries; else the next one that will, else the last one that did. */
  planned(): Promise<TlogService>;
}

/** The shards that a config names at `now`. Throws TRUST_ROOT_INVALID, as selectV2Log. */
export function shardsAt(config: SigningConfig, now: number): Shards {
  const active = selectV2Log(config, now);
  const readable = config.logs
    .filter((log) => log.majorApiVersion === active.majorApiVersion && log.validFor.start <= now)
    .toSorted((a, b) => b.validFor.start - a.validFor.start);
  return { active, readable };
}

/** As ShardWatch.planned, at `now`. Throws TRUST_ROOT_INVALID, as selectV2Log, where none was or will be. */
export function plannedShard(config: SigningConfig, now: number): TlogService {
  const starts = config.logs.map(({ validFor }) => validFor.start);
  const moments = [
    now,
    ...starts.filter((start) => start > now).toSorted((a, b) => a - b),
    ...starts.filter((start) => start <= now).toSorted((a, b) => b - a),
  ];
  const moment = moments.find((at) => takesEntriesAt(config, at)) ?? now;
  return selectV2Log(config, moment);
}

function takesEntriesAt(config: SigningConfig, now: number): boolean {
  try {
    selectV2Log(config, now);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Follows a signing config: which shard takes entries at any moment. */
export function makeShardWatch({ read, now, monotonicMs, onStale }: ShardWatchOptions): ShardWatch {
  let last: SigningConfig | undefined;
  let readAt = -Infinity;
  let reading: Promise<SigningConfig> | undefined;

  async function reread(): Promise<SigningConfig> {
    try {
      const next = await read();
      plannedShard(next, now());
      // one that names no log of now must not take the place of one that does
      if (last !== undefined && takesEntriesAt(last, now())) selectV2Log(next, now());
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

  async function newest(): Promise<SigningConfig> {
    const isDue = monotonicMs() - readAt >= REREAD_MS;
    if (!isDue && last !== undefined) return last;
    reading ??= reread().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  return {
    current: async () => shardsAt(await newest(), now()),
    planned: async () => plannedShard(await newest(), now()),
  };
}

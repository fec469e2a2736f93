import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ShardWatch } from '../rekor/v2-shards.ts';
import { activeUrl } from '../rekor/waiting-writer.ts';
import type { BackgroundJob } from './background.ts';

export interface ShardJobParts {
  readonly shards: ShardWatch;
  /** Of the shard that this process writes to. */
  readonly url: string;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'setShardMissing'>;
}

/** The config itself is read less often. */
const EVERY_MS = 60_000;

/** Tells of a shard that begins, of another one that takes entries, and of none at all: once for each change. */
export function makeShardJob({ shards, url, logger, metrics }: ShardJobParts): BackgroundJob {
  // as a start with a shard that takes entries, which is nothing to tell
  let last: string | undefined = url;

  return {
    name: 'log.shard',
    everyMs: EVERY_MS,
    async run() {
      const active = await activeUrl(shards);
      metrics.setShardMissing(active !== url);
      if (active === last) return;
      last = active;
      if (active === undefined)
        logger.error('log.shardMissing', { url }, 'no shard takes entries now: new tags are refused');
      else if (active === url) logger.info('log.shardBegun', { url }, 'the shard takes entries');
      else
        logger.warn(
          'log.shardChanged',
          { url, newUrl: active },
          'another shard takes entries: restart to write to it',
        );
    },
  };
}

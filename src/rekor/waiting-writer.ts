import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { LogWriter } from '../protocol/ports.ts';
import { unavailable } from './log-answer.ts';
import type { ShardWatch } from './v2-shards.ts';

const RETRY_AFTER_SECONDS = 60;

/**
 * Writes to a shard from the first moment on at which the signing config says that it takes entries; LOG_UNAVAILABLE until
 * then. Who has begun to write goes on: then the shard itself says when it takes no more.
 */
export async function makeWaitingWriter(writer: LogWriter, shards: ShardWatch): Promise<LogWriter> {
  const { url } = writer.identity;
  let hasBegun = (await activeUrl(shards)) === url;

  async function begin(): Promise<void> {
    const active = await activeUrl(shards);
    hasBegun = active === url;
    if (hasBegun) return;
    const why =
      active === undefined
        ? 'the signing config names no shard that takes entries now; wait for the next one'
        : `the signing config names ${quote(active)} by now; restart to write to it`;
    throw unavailable(`cannot write to log ${quote(url)}: ${why}`, undefined, RETRY_AFTER_SECONDS);
  }

  return {
    identity: writer.identity,
    async submit(signed, signal) {
      if (!hasBegun) await begin();
      return writer.submit(signed, signal);
    },
  };
}

/** Of the shard that takes entries; undefined where there is none at this moment. Throws TRUST_ROOT_UNAVAILABLE. */
export async function activeUrl(shards: ShardWatch): Promise<string | undefined> {
  try {
    return (await shards.current()).active.url;
  } catch (error) {
    if (toAppError(error).code === 'TRUST_ROOT_INVALID') return undefined;
    throw error;
  }
}

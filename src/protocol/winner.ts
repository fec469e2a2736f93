import type { VerifiedRecord } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { TagReference } from '../reference/reference.ts';
import type { KnownRecords } from './known-records.ts';
import type { Publisher } from './publish.ts';

export interface WinnerParts {
  readonly records: Pick<KnownRecords, 'stored' | 'load' | 'keep'>;
  readonly publisher: Pick<Publisher, 'publish' | 'unfinished' | 'lifetime'>;
  /** Resolves after so many milliseconds, or early when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Whoever has reserved a tag is publishing it at this moment, or has died: who comes second waits before it does the same. */
export interface Winner {
  /**
   * The record of a reservation that somebody else has made, once it is logged: by whoever made it, or by this process when that
   * takes too long. Throws as Publisher.publish and KnownRecords.load;
   * DEADLINE_EXCEEDED when the program ends.
   */
  published(reference: TagReference): Promise<VerifiedRecord>;
}

/** Milliseconds between two looks at the store: 3 s in all, of the 6.5 s or more that a webhook has. */
const PAUSES_MS = [50, 100, 200, 400, 750, 1_500] as const;

/** N processes that are asked for one new tag would write each entry N times; the log keeps one and is asked for all. */
export function makeWinner({ records, publisher, sleep }: WinnerParts): Winner {
  const { lifetime } = publisher;

  async function awaited(reference: TagReference): Promise<VerifiedRecord | undefined> {
    for (const ms of PAUSES_MS) {
      await sleep(ms, lifetime);
      if (lifetime.aborted) throw stopping(reference);
      const stored = await records.stored(reference, lifetime);
      if (stored === undefined) return undefined;
      if (stored.record.phase === 'Reserved') continue;
      const loaded = await records.load(reference, lifetime);
      // a newer generation may have been reserved since
      if (loaded?.logged === true) return records.keep(loaded);
    }
    return undefined;
  }

  return {
    async published(reference) {
      const { canonical } = reference;
      // cut short in this process: nobody else is known to be at it
      const isOurs = publisher.unfinished().some((each) => each.canonical === canonical);
      const found = isOurs ? undefined : await awaited(reference);
      return found ?? publisher.publish(reference);
    },
  };
}

function stopping({ canonical }: TagReference): AppError {
  return new AppError({
    code: 'DEADLINE_EXCEEDED',
    message: `cannot wait for ${canonical} to be published: the program ends; try again`,
  });
}

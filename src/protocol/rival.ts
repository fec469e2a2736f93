import { AppError } from '../errors/app-error.ts';
import type { TagRecord } from '../ledger/record.ts';
import { lostAdvice } from './lost-claim.ts';
import type { VerifiedStatement } from './logged-record.ts';
import type { LogHistory, OwnEntry } from './ports.ts';

export interface RivalParts {
  readonly history: LogHistory;
  /** Resolves after so many milliseconds, or early when `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Ends with the program. */
  readonly lifetime: AbortSignal;
}

/** Two stores that share identity and scope may reserve one tag at one moment: there the log's order decides, and not a store. */
export interface Rivals {
  /**
   * The claim of another store that is earlier in the log than ours, which is there by now, unless that store has bound the very
   * same digest. Where claims are signed by a key both stores make one entry of it, and nothing tells whose it is: undefined.
   * Throws LOG_*, DEADLINE_EXCEEDED.
   */
  earlier(record: TagRecord, claim: VerifiedStatement): Promise<OwnEntry | undefined>;
}

type Look = OwnEntry | 'first' | 'unknown';

/** Milliseconds between two looks: 15 s in all, for an index that lags behind, and for the other store to bind what it has claimed. */
const PAUSES_MS = [100, 400, 1_000, 2_000, 4_000, 7_500] as const;

export function makeRivals({ history, sleep, lifetime }: RivalParts): Rivals {
  // where every leaf is read the earliest entry is the earliest; an index may name a later one first, and none for a while
  const isExact = history.knows !== undefined;

  async function look(record: TagRecord, { entry }: VerifiedStatement): Promise<Look> {
    await history.ready(lifetime);
    const claimed = await history.earliest(record.claim.statement, lifetime);
    if (claimed === undefined) return 'unknown';
    if (isOfRecord(claimed, record)) return 'first';
    if (!isExact && claimed.index > entry.logIndex) return 'unknown';
    const bound = await history.earliest(record.binding.statement, lifetime);
    // it means the same: whose claim is the first matters to nobody
    return bound === undefined || isOfRecord(bound, record) ? claimed : 'first';
  }

  return {
    async earlier(record, claim) {
      if (claim.logged.verifier.kind === 'publicKey') return undefined;
      let seen = await look(record, claim);
      for (const ms of PAUSES_MS) {
        if (seen === 'first') return undefined;
        await sleep(ms, lifetime);
        if (lifetime.aborted) throw undecided(record, 'the program ends');
        seen = await look(record, claim);
      }
      if (typeof seen === 'object') return seen;
      if (seen === 'unknown' && isExact) throw undecided(record, 'the log was not read up to its claim');
      return undefined;
    },
  };
}

/** Whether this very reservation has made the entry, be it with a signature that was replaced since. */
export function isOfRecord(
  { signed }: OwnEntry,
  { claim, binding, outdated = [] }: Pick<TagRecord, 'claim' | 'binding' | 'outdated'>,
): boolean {
  return [claim.signature, binding.signature, ...outdated].includes(signed.signature);
}

function undecided({ reference }: TagRecord, why: string): AppError {
  return new AppError({
    code: 'LOG_UNAVAILABLE',
    message: `cannot tell whether another store has claimed ${reference} before: ${why}; it is tried again`,
  });
}

/** RECORD_CONFLICTED for a record that another store was before. */
export function conceded({ reference }: TagRecord, { index }: OwnEntry): AppError {
  return new AppError({
    code: 'RECORD_CONFLICTED',
    message:
      `${reference}: another store that shares this signer and scope has claimed the tag at the same moment, earlier in the ` +
      `log (index ${index}), and as far as can be told with another digest; ${lostAdvice({ canonical: reference })}`,
  });
}

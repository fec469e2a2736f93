import { makeSingleFlight } from '../cache/single-flight.ts';
import { makeTtlCache } from '../cache/ttl-cache.ts';
import type { Resolved, Resolver } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import type { TagReference } from '../reference/reference.ts';
import { deadlineExceeded } from './send-error.ts';

type Outcome = { readonly resolved: Resolved } | { readonly error: AppError };

/** Milliseconds: a herd of equal Pods asks once, and a moved tag is noticed soon. */
const ANSWER_TTL = 10_000;
/** Milliseconds: retries of a wrong name stay cheap, and a push is seen at once for people. */
const ERROR_TTL = 5_000;
const MAX_REFERENCES = 10_000;
/** The refusals that a registry would repeat; all other errors may be over at the next call. */
const REPEATABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MANIFEST_UNKNOWN', 'REGISTRY_UNAUTHORIZED']);

/**
 * Shares equal look-ups in flight, and answers for 10 seconds (refusals for 5). A fetched answer also serves a recheck;
 * a recheck never serves a fetch, which must have been hashed here. A signal ends only its own asker's wait, with
 * DEADLINE_EXCEEDED; a look-up ends with its last asker.
 */
export function makeCoalescedResolver(inner: Resolver, clock: Clock): Resolver {
  const outcomes = makeTtlCache<Outcome>({ max: MAX_REFERENCES, now: () => clock.now() });
  const fetches = makeSingleFlight<Resolved>();
  const rechecks = makeSingleFlight<Resolved>();

  async function remember(key: string, work: Promise<Resolved>): Promise<Resolved> {
    try {
      const resolved = await work;
      outcomes.set(key, { resolved }, ANSWER_TTL);
      return resolved;
    } catch (error) {
      if (error instanceof AppError && REPEATABLE.has(error.code)) outcomes.set(key, { error }, ERROR_TTL);
      throw error;
    }
  }

  async function ask(method: 'fetch' | 'recheck', reference: TagReference, signal: AbortSignal) {
    const key = reference.canonical;
    const known = outcomes.get(key);
    if (known !== undefined && 'error' in known) throw known.error;
    if (known !== undefined && (method === 'recheck' || known.resolved.hashed)) return known.resolved;
    const joinsFetch = method === 'fetch' || fetches.has(key);
    const flights = joinsFetch ? fetches : rechecks;
    try {
      return await flights.run(
        key,
        (shared) =>
          remember(key, joinsFetch ? inner.fetch(reference, shared) : inner.recheck(reference, shared)),
        signal,
      );
    } catch (error) {
      if (signal.aborted) throw deadlineExceeded(`cannot resolve ${quote(key)}`, error);
      throw error;
    }
  }

  return {
    fetch: (reference, signal) => ask('fetch', reference, signal),
    recheck: (reference, signal) => ask('recheck', reference, signal),
  };
}

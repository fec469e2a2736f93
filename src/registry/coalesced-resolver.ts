import { makeSingleFlight } from '../cache/single-flight.ts';
import { makeTtlCache } from '../cache/ttl-cache.ts';
import type { PullAccess, Resolved, Resolver } from '../check/ports.ts';
import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import type { TagReference } from '../reference/reference.ts';
import { deadlineExceeded } from './send-error.ts';

type Outcome = { readonly resolved: Resolved; readonly at: number } | { readonly error: AppError };

interface Question {
  readonly method: 'fetch' | 'recheck';
  readonly reference: TagReference;
  readonly signal: AbortSignal;
  readonly maxAgeMs: number;
  readonly access: PullAccess | undefined;
}

/** Milliseconds: a herd of equal Pods asks once, and a moved tag is noticed soon. */
const ANSWER_TTL = 10_000;
/** Milliseconds: no asker takes an answer that is older, whatever age it names. */
const LONGEST_TTL = 300_000;
/** Milliseconds: retries of a wrong name stay cheap, and a push is seen at once for people. */
const ERROR_TTL = 5_000;
const MAX_REFERENCES = 100_000;
/** The refusals that a registry would repeat; all other errors may be over at the next call. */
const REPEATABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MANIFEST_UNKNOWN', 'REGISTRY_UNAUTHORIZED']);

/**
 * Shares equal look-ups in flight, and answers for 10 seconds (refusals for 5), or for the age that a recheck allows. A fetched answer also serves a recheck;
 * a recheck never serves a fetch, which must have been hashed here. What was answered with pull secrets is told to askers of the
 * same scope alone. A signal ends only its own asker's wait, with
 * DEADLINE_EXCEEDED; a look-up ends with its last asker.
 */
export function makeCoalescedResolver(inner: Resolver, clock: Clock): Resolver {
  const outcomes = makeTtlCache<Outcome>({ max: MAX_REFERENCES, now: () => clock.now() });
  const fetches = makeSingleFlight<Resolved>();
  const rechecks = makeSingleFlight<Resolved>();

  async function remember(key: string, work: Promise<Resolved>): Promise<Resolved> {
    try {
      const resolved = await work;
      outcomes.set(key, { resolved, at: clock.now() }, LONGEST_TTL);
      return resolved;
    } catch (error) {
      if (error instanceof AppError && REPEATABLE.has(error.code)) outcomes.set(key, { error }, ERROR_TTL);
      throw error;
    }
  }

  function remembered(key: string, { method, maxAgeMs }: Question): Resolved | undefined {
    const known = outcomes.get(key);
    if (known === undefined) return undefined;
    if ('error' in known) throw known.error;
    const isYoung = clock.now() - known.at < maxAgeMs;
    return isYoung && (method === 'recheck' || known.resolved.hashed) ? known.resolved : undefined;
  }

  async function ask(question: Question): Promise<Resolved> {
    const { method, reference, signal, access } = question;
    const key = keyOf(question);
    const known = remembered(key, question);
    if (known !== undefined) return known;
    const joinsFetch = method === 'fetch' || fetches.has(key);
    const flights = joinsFetch ? fetches : rechecks;
    try {
      return await flights.run(
        key,
        (shared) =>
          remember(
            key,
            joinsFetch
              ? inner.fetch(reference, shared, access)
              : inner.recheck(reference, shared, undefined, access),
          ),
        signal,
      );
    } catch (error) {
      if (signal.aborted) throw deadlineExceeded(`cannot resolve ${quote(reference.canonical)}`, error);
      throw error;
    }
  }

  return {
    fetch: (reference, signal, access) =>
      ask({ method: 'fetch', reference, signal, maxAgeMs: ANSWER_TTL, access }),
    recheck: (reference, signal, maxAgeMs = ANSWER_TTL, access) =>
      ask({ method: 'recheck', reference, signal, maxAgeMs, access }),
  };
}

/** A reference holds no space. */
function keyOf({ reference, access }: Question): string {
  return access === undefined ? reference.canonical : `${reference.canonical} ${access.scope}`;
}

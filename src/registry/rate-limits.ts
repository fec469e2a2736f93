import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Clock } from '../protocol/ports.ts';
import { makeTtlCache } from '../cache/ttl-cache.ts';

/** Without a Retry-After: long enough to let a burst pass. */
const DEFAULT_SECONDS = 10;
/** A registry may ask for hours; after this long one call finds out whether it still means it. */
const MAX_SECONDS = 300;
const MAX_ACCOUNTS = 4096;
/** Windows are hours long, and what is left comes back bit by bit; a HEAD, which is not counted, tells when. */
const SPENT_SECONDS = 60;

/**
 * Remembers which hosts asked for silence, so that nobody calls them meanwhile. Limits are of accounts: a call with
 * other credentials than our own names its `account`, and neither silences the others nor is silenced by them.
 */
export interface RateLimits {
  /** Throws REGISTRY_RATE_LIMITED while the host is to be left alone. */
  check(host: string, aim: string, account?: string): void;
  /** Throws REGISTRY_RATE_LIMITED while the host has said that nothing is left of what a manifest is counted against. */
  checkBudget(host: string, aim: string, account?: string): void;
  /** Hears what is left, from `ratelimit-remaining` (`76;w=21600`, Docker Hub). */
  hear(host: string, remaining: string | undefined, account?: string): void;
  /** Starts the silence that a 429 asks for and gives the error that says so. */
  impose(host: string, aim: string, retryAfter: string | undefined, account?: string): AppError;
}

export function makeRateLimits(clock: Clock): RateLimits {
  const silences = makeTtlCache<number>({ max: MAX_ACCOUNTS, now: () => clock.now() });
  const spent = makeTtlCache<number>({ max: MAX_ACCOUNTS, now: () => clock.now() });
  return {
    check(host, aim, account) {
      const until = silences.get(keyOf(host, account));
      if (until !== undefined) throw limited(host, aim, Math.ceil((until - clock.now()) / 1000));
    },
    checkBudget(host, aim, account) {
      const until = spent.get(keyOf(host, account));
      if (until !== undefined) throw limited(host, aim, Math.ceil((until - clock.now()) / 1000));
    },
    hear(host, remaining, account) {
      const left = /^(\d{1,9})(?:;|$)/.exec(remaining ?? '')?.[1];
      if (left === undefined) return;
      if (Number(left) > 0) spent.delete(keyOf(host, account));
      else spent.set(keyOf(host, account), clock.now() + SPENT_SECONDS * 1000, SPENT_SECONDS * 1000);
    },
    impose(host, aim, retryAfter, account) {
      const seconds = secondsOf(retryAfter, clock.now());
      silences.set(keyOf(host, account), clock.now() + seconds * 1000, seconds * 1000);
      return limited(host, aim, seconds);
    },
  };
}

/** A host holds no space. */
function keyOf(host: string, account: string | undefined): string {
  return account === undefined ? host : `${host} ${account}`;
}

/** Retry-After as seconds or as an HTTP date (RFC 9110, 10.2.3), from 1 second to the cap. */
function secondsOf(retryAfter: string | undefined, now: number): number {
  if (retryAfter === undefined) return DEFAULT_SECONDS;
  const text = retryAfter.trim();
  const seconds = /^[0-9]+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  if (Number.isNaN(seconds)) return DEFAULT_SECONDS;
  return Math.min(Math.max(seconds, 1), MAX_SECONDS);
}

function limited(host: string, aim: string, retryAfterSeconds: number): AppError {
  return new AppError({
    code: 'REGISTRY_RATE_LIMITED',
    message: `${aim}: ${quote(host)} has had enough requests (429); wait, or use credentials with a higher limit: a login, imagePullSecrets, or registries.credentialsFile`,
    retryAfterSeconds,
  });
}

import { toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import type { Ledger, Resolved, Resolver, VerifiedRecord } from './ports.ts';

interface Failed {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly message: string;
}

/** What ledger and registry last answered; absent where they were not asked. */
export interface Overheard {
  found?: { readonly kind: 'none' } | { readonly kind: 'record'; readonly record: KnownRecord } | Failed;
  asked?: { readonly kind: 'answered'; readonly digest: Digest; readonly hashed: boolean } | Failed;
}

interface Parties {
  readonly ledger: Ledger;
  readonly resolver: Resolver;
}

/** The same ledger and registry, whose answers are kept; a look-up that records is passed on as it is. */
export function overhear({ ledger, resolver }: Parties): Parties & { readonly heard: Overheard } {
  const heard: Overheard = {};

  async function found(answer: Promise<VerifiedRecord | undefined>): Promise<VerifiedRecord | undefined> {
    try {
      const record = await answer;
      heard.found = record === undefined ? { kind: 'none' } : { kind: 'record', record: record.record };
      return record;
    } catch (error) {
      heard.found = failed(error);
      throw error;
    }
  }

  async function asked(answer: Promise<Resolved>): Promise<Resolved> {
    try {
      const resolved = await answer;
      heard.asked = { kind: 'answered', ...resolved };
      return resolved;
    } catch (error) {
      heard.asked = failed(error);
      throw error;
    }
  }

  return {
    heard,
    ledger: {
      ...ledger,
      find: (reference, signal) => found(ledger.find(reference, signal)),
      latest: (reference, signal) => found(ledger.latest(reference, signal)),
    },
    resolver: {
      fetch: (reference, signal) => asked(resolver.fetch(reference, signal)),
      recheck: (reference, signal, maxAgeMs) => asked(resolver.recheck(reference, signal, maxAgeMs)),
    },
  };
}

/** An error that nobody expected keeps its text to itself. */
function failed(error: unknown): Failed {
  const { code, message } = toAppError(error);
  return { kind: 'failed', code, message: code === 'INTERNAL' ? 'an internal error' : message };
}

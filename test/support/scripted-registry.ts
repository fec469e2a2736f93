import type { Resolver } from '../../src/check/ports.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/code.ts';
import type { Digest } from '../../src/reference/digest.ts';

export interface ScriptedResolver extends Resolver {
  /** From now on the tag points here, or asking fails with this code. */
  now(canonical: string, answer: Digest | ErrorCode): void;
  readonly calls: { fetch: number; recheck: number };
}

/** A resolver that says what the test tells it to. */
export function makeScriptedResolver(): ScriptedResolver {
  const answers = new Map<string, Digest | ErrorCode>();
  const calls = { fetch: 0, recheck: 0 };

  function answer(canonical: string, hashed: boolean) {
    const told = answers.get(canonical) ?? 'MANIFEST_UNKNOWN';
    if (told.includes(':')) return { digest: told as Digest, hashed };
    throw new AppError({
      code: told as ErrorCode,
      message: `told to fail with ${told}`,
      ...(told === 'REGISTRY_RATE_LIMITED' && { retryAfterSeconds: 7 }),
    });
  }

  return {
    calls,
    now: (canonical, told) => void answers.set(canonical, told),
    async fetch({ canonical }) {
      calls.fetch++;
      return answer(canonical, true);
    },
    async recheck({ canonical }) {
      calls.recheck++;
      return answer(canonical, false);
    },
  };
}

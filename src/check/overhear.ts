import { toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';
import type { CompiledPolicy } from '../policy/rule-for.ts';
import type { CheckImageParts } from './check-image.ts';
import type { Foreseen, Resolved, VerifiedRecord } from './ports.ts';

export interface Failed {
  readonly kind: 'failed';
  readonly code: ErrorCode;
  readonly message: string;
}

/** `isAgain`: past memory, before a refusal. */
export type LedgerAnswer = { readonly from: 'ledger'; readonly isAgain: boolean } & (
  { readonly kind: 'none' } | { readonly kind: 'record'; readonly found: VerifiedRecord } | Failed
);

export type RegistryAnswer = { readonly from: 'registry' } & (
  ({ readonly kind: 'answered' } & Resolved) | Failed
);

export type LogAnswer = { readonly from: 'log' } & (
  { readonly kind: 'foreseen'; readonly foreseen: Foreseen } | Failed
);

/** What was asked for one image, and answered. */
export interface Heard {
  /** Absent where no rule was needed. */
  policy?: CompiledPolicy;
  /** In the order of the answers. */
  readonly answers: (LedgerAnswer | RegistryAnswer | LogAnswer)[];
}

type Listened = Pick<CheckImageParts, 'policy' | 'ledger' | 'resolver'>;

/** The same policy, ledger and registry, whose answers are kept; a look-up that records is passed on as it is. */
export function overhear({ policy, ledger, resolver }: Listened): Listened & { readonly heard: Heard } {
  const heard: Heard = { answers: [] };

  async function found(
    isAgain: boolean,
    answer: Promise<VerifiedRecord | undefined>,
  ): Promise<VerifiedRecord | undefined> {
    const asked = { from: 'ledger', isAgain } as const;
    try {
      const record = await answer;
      heard.answers.push(
        record === undefined ? { ...asked, kind: 'none' } : { ...asked, kind: 'record', found: record },
      );
      return record;
    } catch (error) {
      heard.answers.push({ ...asked, ...failed(error) });
      throw error;
    }
  }

  async function resolved(answer: Promise<Resolved>): Promise<Resolved> {
    try {
      const { digest, hashed } = await answer;
      heard.answers.push({ from: 'registry', kind: 'answered', digest, hashed });
      return { digest, hashed };
    } catch (error) {
      heard.answers.push({ from: 'registry', ...failed(error) });
      throw error;
    }
  }

  async function foreseen(answer: Promise<Foreseen>): Promise<Foreseen> {
    try {
      const future = await answer;
      heard.answers.push({ from: 'log', kind: 'foreseen', foreseen: future });
      return future;
    } catch (error) {
      heard.answers.push({ from: 'log', ...failed(error) });
      throw error;
    }
  }

  return {
    heard,
    policy() {
      heard.policy = policy();
      return heard.policy;
    },
    ledger: {
      ...ledger,
      find: (reference, signal) => found(false, ledger.find(reference, signal)),
      foresee: (reference, digest, signal) => foreseen(ledger.foresee(reference, digest, signal)),
      latest: (reference, signal) => found(true, ledger.latest(reference, signal)),
    },
    resolver: {
      fetch: (...asked) => resolved(resolver.fetch(...asked)),
      recheck: (...asked) => resolved(resolver.recheck(...asked)),
    },
  };
}

/** An error that nobody expected keeps its text to itself. */
function failed(error: unknown): Failed {
  const { code, message } = toAppError(error);
  return { kind: 'failed', code, message: code === 'INTERNAL' ? 'an internal error' : message };
}

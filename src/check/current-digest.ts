import { AppError, toAppError } from '../errors/app-error.ts';
import { isUnavailable } from '../errors/code.ts';
import type { Rule } from '../policy/policy.ts';
import type { Digest } from '../reference/digest.ts';
import type { TagReference } from '../reference/reference.ts';
import type { Resolver, VerifiedRecord } from './ports.ts';
import type { CheckContext, Note } from './verdict.ts';

/** How old an answer may be under `recheck: interval`. */
const INTERVAL_MS = 300_000;

export interface Current {
  /** What the tag points to now; absent when nobody was asked, or nobody could be. */
  readonly digest?: Digest;
  readonly notes: readonly Note[];
  /** The digest where it is about to be recorded: hashed here, and surely there. */
  required(): Digest;
}

export interface CurrentQuestion {
  readonly reference: TagReference;
  readonly rule: Rule;
  /** The tag may move: what it moved to is fetched and hashed, since it may be recorded. */
  readonly tracked: boolean;
  readonly context: CheckContext;
  readonly known: VerifiedRecord | undefined;
  readonly resolver: Resolver;
}

/**
 * Asks the registry as far as the rule wants it. What runs is the recorded digest in any case, so for a known tag an
 * outage is forgiven (unless `onUnresolvable: deny`): that delays the detection of a move and lets nothing in.
 */
export async function currentDigest(question: CurrentQuestion): Promise<Current> {
  const { reference, rule, tracked, context, known } = question;
  if (!context.mayResolve) return nothingAsked();
  if (known === undefined) return answer(await fetched(question));
  const isPinned = reference.digest === known.record.digest;
  if (isPinned || rule.recheck === 'never') return nothingAsked();
  try {
    const digest = await askAgain(question);
    const isEnough = !tracked || digest === known.record.digest;
    return answer(isEnough ? digest : await fetched(question));
  } catch (error) {
    const { code, message } = toAppError(error);
    if (!isUnavailable(code) || rule.onUnresolvable === 'deny') throw error;
    return nothingAsked([{ kind: 'notRechecked', code, message }]);
  }
}

async function askAgain({ reference, rule, context, resolver }: CurrentQuestion): Promise<Digest> {
  const maxAgeMs = rule.recheck === 'interval' ? INTERVAL_MS : undefined;
  return (await resolver.recheck(reference, context.signal, maxAgeMs, context.access)).digest;
}

async function fetched({ reference, context, resolver }: CurrentQuestion): Promise<Digest> {
  return (await resolver.fetch(reference, context.signal, context.access)).digest;
}

function answer(digest: Digest): Current {
  return { digest, notes: [], required: () => digest };
}

function nothingAsked(notes: readonly Note[] = []): Current {
  return {
    notes,
    required() {
      throw new AppError({
        code: 'INTERNAL',
        message: 'a first sight was judged without asking the registry',
      });
    },
  };
}

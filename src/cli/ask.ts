import { setTimeout as wait } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { CheckContext, CheckImage, Verdict } from '../check/verdict.ts';

/** Images asked for at the same time. */
const PARALLEL = 8;

export interface AskParts {
  readonly checkImage: CheckImage;
  readonly context: CheckContext;
  /** Called after each answer. */
  readonly onAnswer?: (answered: number, total: number) => void;
}

/** The verdict for each distinct text, in the order of the texts; a pending one is asked for again until the deadline. */
export async function askAll(
  texts: readonly string[],
  { checkImage, context, onAnswer }: AskParts,
): Promise<ReadonlyMap<string, Verdict>> {
  const distinct = [...new Set(texts)];
  const limit = pLimit(PARALLEL);
  let answered = 0;
  const verdicts = await limit.map(distinct, async (text) => {
    const verdict = await settle(text, checkImage, context);
    onAnswer?.(++answered, distinct.length);
    return [text, verdict] as const;
  });
  return new Map(verdicts);
}

async function settle(text: string, checkImage: CheckImage, context: CheckContext): Promise<Verdict> {
  let verdict = await checkImage(text, context);
  // who may not record cannot bring a reservation into the log: waiting would not help
  while (verdict.kind === 'pending' && context.mayRecord) {
    if (!(await waited(verdict.retryAfterSeconds * 1000, context.signal))) break;
    verdict = await checkImage(text, context);
  }
  return verdict;
}

/** False when the deadline came first. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await wait(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    return false;
  }
}

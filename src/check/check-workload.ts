import type { CheckContext, CheckImage, Verdict } from './verdict.ts';

/** Checks the images of one Pod in parallel, each distinct text once. The map has a verdict for every text. */
export type CheckWorkload = (
  images: readonly string[],
  context: CheckContext,
) => Promise<ReadonlyMap<string, Verdict>>;

export function makeCheckWorkload(checkImage: CheckImage): CheckWorkload {
  return async function checkWorkload(images, context) {
    const texts = [...new Set(images)];
    const verdicts = await Promise.all(texts.map((text) => checkImage(text, context)));
    return new Map(texts.map((text, i) => [text, verdicts[i]] as const).filter(isAnswered));
  };
}

function isAnswered(pair: readonly [string, Verdict | undefined]): pair is readonly [string, Verdict] {
  return pair[1] !== undefined;
}

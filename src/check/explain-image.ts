import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { ruleFor, type RuleMatch } from '../policy/rule-for.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { Reference, TagReference } from '../reference/reference.ts';
import { makeCheckImage, type CheckImageParts } from './check-image.ts';
import { answerSteps } from './explain-answers.ts';
import { referenceStep, ruleStep } from './explain-question.ts';
import { judgementSteps, verdictStep } from './explain-verdict.ts';
import { overhear, type Heard } from './overhear.ts';
import type { CheckContext, Verdict } from './verdict.ts';

/** One thing on the way to an answer. */
export interface ExplainStep {
  readonly step: 'reference' | 'rule' | 'record' | 'registry' | 'log' | 'judgement' | 'verdict';
  /** A sentence for people; foreign text is quoted. */
  readonly says: string;
  /** The facts of the sentence, for scripts. */
  readonly [fact: string]: unknown;
}

export interface Explanation {
  /** The last one is the verdict. */
  readonly steps: readonly ExplainStep[];
  /** What `checkImage` answers without recording. */
  readonly verdict: Verdict;
}

/** Where the image is to run. */
export type RunPlace = Pick<CheckContext, 'namespace' | 'mode'>;

/** Never throws, as `checkImage`; records nothing. */
export type ExplainImage = (text: string, signal: AbortSignal) => Promise<Explanation>;

/**
 * Why the answer for an image text is what it is. Nothing is decided here: `checkImage` decides, and its policy, ledger
 * and registry are listened to.
 */
export function makeExplainImage(parts: CheckImageParts, place: RunPlace = {}): ExplainImage {
  return async function explainImage(text, signal) {
    const { heard, ...listened } = overhear(parts);
    const checkImage = makeCheckImage({ ...parts, ...listened });
    const verdict = await checkImage(text, {
      ...place,
      origin: 'cli',
      mayRecord: false,
      mayResolve: true,
      signal,
    });
    return { steps: stepsOf(text, { heard, place }, verdict), verdict };
  };
}

interface Asked {
  readonly heard: Heard;
  readonly place: RunPlace;
}

function stepsOf(text: string, asked: Asked, verdict: Verdict): readonly ExplainStep[] {
  let reference: Reference | TagReference;
  try {
    reference = parseReference(text);
  } catch (error) {
    const { code, message } = toAppError(error);
    const says = `${quote(text)} is no image reference: ${message}`;
    return [{ step: 'reference', says, code }, verdictStep(verdict, undefined)];
  }
  const read = referenceStep(reference);
  const match = matchOf(reference, asked);
  if (match === undefined || !isTagReference(reference)) return [read, verdictStep(verdict, undefined)];
  return [
    read,
    ruleStep(match),
    ...answerSteps(asked.heard.answers, reference, verdict),
    ...judgementSteps(verdict),
    verdictStep(verdict, match),
  ];
}

/** The rule by the very policy that the answer was given by; undefined where none was needed or none could be had. */
function matchOf(reference: Reference, { heard: { policy }, place }: Asked): RuleMatch | undefined {
  if (policy === undefined) return undefined;
  try {
    return ruleFor(policy, reference, place);
  } catch {
    // checkImage met the same error: the verdict tells it
    return undefined;
  }
}

import { toAppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { MatchedBy, RuleMatch } from '../policy/rule-for.ts';
import { ruleFor } from '../policy/rule-for.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { Reference } from '../reference/reference.ts';
import { makeCheckImage, type CheckImageParts } from './check-image.ts';
import { overhear, type Overheard } from './overhear.ts';
import type { Verdict } from './verdict.ts';

/** One thing on the way to an answer. */
export interface ExplainStep {
  /** The step in one word. */
  readonly step: 'reference' | 'rule' | 'record' | 'registry' | 'verdict';
  /** A sentence for people; foreign text is quoted. */
  readonly says: string;
}

export interface Explanation {
  readonly steps: readonly ExplainStep[];
  /** What `checkImage` answers without recording. */
  readonly verdict: Verdict;
}

/** Never throws, as `checkImage`; records nothing. */
export type ExplainImage = (text: string, signal: AbortSignal) => Promise<Explanation>;

/**
 * Why the answer for an image text is what it is. Nothing is decided here: `checkImage` decides, and its ledger and its
 * registry are listened to.
 */
export function makeExplainImage(parts: CheckImageParts): ExplainImage {
  return async (text, signal) => {
    const { heard, ledger, resolver } = overhear(parts);
    const checkImage = makeCheckImage({ ...parts, ledger, resolver });
    const verdict = await checkImage(text, { origin: 'cli', mayRecord: false, mayResolve: true, signal });
    const steps = [...readSteps(text, parts), ...heardSteps(heard, verdict), verdictStep(verdict)];
    return { steps, verdict };
  };
}

function readSteps(text: string, { policy }: CheckImageParts): readonly ExplainStep[] {
  let reference: Reference;
  try {
    reference = parseReference(text);
  } catch (error) {
    return [
      { step: 'reference', says: `${quote(text)} is no image reference: ${toAppError(error).message}` },
    ];
  }
  return [referenceStep(text, reference), ...ruleSteps(reference, policy())];
}

function referenceStep(text: string, reference: Reference): ExplainStep {
  if (!isTagReference(reference)) {
    const says = `${quote(text)} names a digest and no tag: it means ${reference.digest} for ever, and needs no record`;
    return { step: 'reference', says };
  }
  const { canonical, digest } = reference;
  const beside =
    digest === undefined
      ? ''
      : `, and claims that it means ${digest}: the pair is checked, and never taken on trust`;
  const says = text === canonical ? `${quote(text)} is a whole name` : `${quote(text)} means ${canonical}`;
  return { step: 'reference', says: `${says}${beside}` };
}

function ruleSteps(reference: Reference, policy: Parameters<typeof ruleFor>[0]): readonly ExplainStep[] {
  if (!isTagReference(reference)) return [];
  try {
    return [{ step: 'rule', says: ruleSays(ruleFor(policy, reference)) }];
  } catch (error) {
    return [{ step: 'rule', says: `no rule could be found: ${toAppError(error).message}` }];
  }
}

function ruleSays(match: RuleMatch): string {
  if (match.kind === 'exempt') return `${match.why}${patterns(match.by)}: it is neither recorded nor checked`;
  const { mode, recheck, onMoved } = match.rule;
  const moves = match.tracked ? 'the tag may move, each move is recorded' : `onMoved ${onMoved}`;
  return `rule ${quote(match.by.rule)} applies${patterns(match.by)}: mode ${mode}, ${moves}, recheck ${recheck}`;
}

function patterns(by: MatchedBy | undefined): string {
  if (by === undefined) return '';
  return ` by image pattern ${quote(by.image)}${by.tag === undefined ? '' : ` and tag pattern ${quote(by.tag)}`}`;
}

/** Nothing for what needs neither record nor registry. */
function heardSteps({ found, asked }: Overheard, verdict: Verdict): readonly ExplainStep[] {
  if (found === undefined) return [];
  const record: ExplainStep = { step: 'record', says: recordSays(found) };
  if (asked !== undefined) return [record, { step: 'registry', says: askedSays(asked) }];
  // the ledger's answer was the end of it
  if (found.kind === 'failed') return [record];
  return [record, { step: 'registry', says: notAskedSays(verdict) }];
}

function recordSays(found: NonNullable<Overheard['found']>): string {
  switch (found.kind) {
    case 'none':
      return 'there is no record of it: it was never seen here';
    case 'failed':
      return `what is recorded cannot be told (${found.code}): ${found.message}`;
    case 'record':
      return `it is recorded as ${found.record.digest}${generationSays(found.record)}${placeSays(found.record)}`;
  }
}

function generationSays({ generation, firstSeen }: KnownRecord): string {
  const since = `since ${firstSeen}`;
  return generation === 0
    ? `, ${since}`
    : `, generation ${generation} ${since}: the tag has moved before, on purpose`;
}

function placeSays({ phase, log }: KnownRecord): string {
  if (log === undefined) return `; only reserved so far, not in the log (${phase})`;
  const time = log.time === undefined ? '' : ` of ${log.time}`;
  return `; entry ${log.index} of ${log.kind} ${quote(log.origin)}${time} proves it (${phase})`;
}

function askedSays(asked: NonNullable<Overheard['asked']>): string {
  if (asked.kind === 'failed')
    return `the registry could not say what the tag means now (${asked.code}): ${asked.message}`;
  const how = asked.hashed ? 'a manifest that was fetched and hashed' : 'its word for a known tag';
  return `the registry says ${asked.digest} now, ${how}`;
}

function notAskedSays(verdict: Verdict): string {
  const isPair = verdict.kind === 'admit' && verdict.reference.digest !== undefined;
  return isPair
    ? 'the registry was not asked: the digest that is written is the recorded one'
    : 'the registry was not asked: the rule wants no recheck of a known tag';
}

function verdictStep(verdict: Verdict): ExplainStep {
  return { step: 'verdict', says: verdictSays(verdict) };
}

function verdictSays(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'admit':
      return verdict.notes.some(({ kind }) => kind === 'wouldRecord')
        ? `admitted: it would be recorded as ${verdict.pin}, which then runs`
        : `admitted: ${verdict.pin} runs`;
    case 'deny':
      return `refused: ${verdict.denial.reason}`;
    case 'report':
      return `let through unpinned, since mode ${verdict.mode} refuses nothing: ${verdict.denial.reason}`;
    case 'exempt':
      return `let through as it is: ${verdict.why}`;
    case 'pending':
      return `not yet: it is being published as ${verdict.record.digest}; ask again in ${verdict.retryAfterSeconds} s`;
  }
}

import type { RuleMatch } from '../policy/rule-for.ts';
import { canonicalText } from '../reference/parse-reference.ts';
import type { ExplainStep } from './explain-image.ts';
import type { Denial, Verdict } from './verdict.ts';

type Admission = Extract<Verdict, { readonly kind: 'admit' }>;

/** How text, record and registry compare, as the verdict tells it; nothing where nothing was compared. */
export function judgementSteps(verdict: Verdict): readonly ExplainStep[] {
  const told = judged(verdict);
  return told === undefined ? [] : [{ step: 'judgement', judgement: told[0], says: told[1] }];
}

function judged(verdict: Verdict): readonly [string, string] | undefined {
  switch (verdict.kind) {
    case 'exempt':
      return undefined;
    case 'admit':
      return judgedAdmission(verdict);
    case 'pending':
      return judgedPending(verdict);
    case 'deny':
    case 'report':
      return judgedDenial(verdict.denial);
  }
}

function judgedPending({ record }: Extract<Verdict, { kind: 'pending' }>): readonly [string, string] {
  return record === undefined
    ? ['first', 'the tag is being recorded, and its record is not written yet']
    : ['reserved', `the tag means ${record.digest}, and the log does not prove it yet`];
}

function judgedAdmission({ pin, record, notes }: Admission): readonly [string, string] {
  const moved = notes.find((note) => note.kind === 'runsRecorded');
  if (moved !== undefined) return judgedDenial(moved.denial);
  if (record !== undefined) return ['same', `nothing contradicts the record: the tag means ${record.digest}`];
  return ['first', `${pin} is not recorded yet, and nothing that is recorded forbids it`];
}

function judgedDenial({ reason, expected, actual }: Denial): readonly [string, string] {
  switch (reason) {
    case 'TAG_MOVED':
      return ['moved', `the tag has moved: it was recorded as ${expected}, and is ${actual} now`];
    case 'DIGEST_NOT_RECORDED':
      return ['pairMismatch', `the digest that is written is ${actual}, and the tag means ${expected}`];
    case 'NOT_RECORDED':
      return ['unknown', 'neither record nor registry says what the tag means'];
    default:
      return ['none', `nothing could be compared (${reason})`];
  }
}

/** The answer, and what to do next. `match` is absent where no rule was needed. */
export function verdictStep(verdict: Verdict, match: RuleMatch | undefined): ExplainStep {
  const { says, next, ...facts } = answer(verdict, match);
  return {
    step: 'verdict',
    says: next === undefined ? says : `${says}; ${next}`,
    verdict: verdict.kind,
    ...facts,
    ...(next !== undefined && { next }),
  };
}

interface Answer {
  readonly says: string;
  readonly next?: string | undefined;
  readonly digest?: string;
  readonly reason?: string;
}

function answer(verdict: Verdict, match: RuleMatch | undefined): Answer {
  switch (verdict.kind) {
    case 'admit':
      return { ...admitted(verdict), digest: verdict.pin };
    case 'exempt':
      return { says: `let through as it is: ${verdict.why}` };
    case 'pending':
      return notYet(verdict);
    case 'deny': {
      const { denial } = verdict;
      return { says: `refused: ${denial.reason}`, reason: denial.reason, next: advice(denial) };
    }
    case 'report': {
      const { denial, mode } = verdict;
      const isByMode = match?.kind === 'rule' && match.rule.mode === mode;
      const why = isByMode ? `mode ${mode} refuses nothing` : 'onUnresolvable warn forgives it';
      const says = `let through unpinned, since ${why}: ${denial.reason}`;
      return { says, reason: denial.reason, next: advice(denial) };
    }
  }
}

function admitted({ reference, pin, notes }: Admission): Pick<Answer, 'says' | 'next'> {
  for (const note of notes) {
    if (note.kind === 'wouldRecord') {
      const next = `this command records nothing: tagseal record ${canonicalText(reference)}`;
      return { says: `admitted: it would be recorded as ${pin}, which then runs`, next };
    }
    if (note.kind === 'wouldRestore') {
      const next = `this command records nothing: tagseal record ${canonicalText(reference)}`;
      return { says: `admitted: its record would be restored as ${pin}, which then runs`, next };
    }
    if (note.kind === 'runsRecorded') {
      const says = `admitted: the recorded ${pin} runs, since the rule says onMoved pinRecorded`;
      return { says, next: advice(note.denial) };
    }
  }
  const isWaiting = notes.some(({ kind }) => kind === 'notLoggedYet');
  return { says: `admitted: ${pin} runs${isWaiting ? ' although the log does not prove it yet' : ''}` };
}

/** Denials of a verdict end with a line of advice; those of an error are one line, which an earlier step has told. */
function advice({ reason, message, retryAfterSeconds }: Denial): string | undefined {
  const [, ...lines] = message.split('\n');
  if (lines.length > 0) return lines.at(-1);
  if (reason === 'INTERNAL') return message;
  return retryAfterSeconds === undefined ? undefined : `ask again in ${retryAfterSeconds} s`;
}

function notYet({ record, retryAfterSeconds }: Extract<Verdict, { kind: 'pending' }>): Answer {
  const next = `ask again in ${retryAfterSeconds} s`;
  if (record === undefined) return { says: 'not yet: the tag is being recorded', next };
  const { digest } = record;
  return { says: `not yet: ${digest} is being published`, digest, next };
}

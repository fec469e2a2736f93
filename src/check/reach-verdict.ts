import { AppError, toAppError } from '../errors/app-error.ts';
import { isUnavailable, type ErrorCode } from '../errors/code.ts';
import type { Judgement } from '../ledger/judge.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { Mode, Rule } from '../policy/policy.ts';
import type { Digest } from '../reference/digest.ts';
import type { Reference, TagReference } from '../reference/reference.ts';
import { internalDenial, movedDenial, notRecordedDenial, pairDenial, unreachedDenial } from './denial.ts';
import type { Foreseen, RecordOutcome, VerifiedRecord } from './ports.ts';
import type { CheckContext, Denial, Note, Verdict } from './verdict.ts';

export interface Question {
  readonly reference: TagReference;
  readonly rule: Rule;
  readonly tracked: boolean;
  readonly context: CheckContext;
  readonly notes: readonly Note[];
}

export interface Story extends Question {
  readonly judgement: Judgement;
  readonly known: VerifiedRecord | undefined;
  readonly first?: boolean;
  /** What recording it would come to, where the asker may not. */
  readonly future?: Foreseen | undefined;
}

/** Turns a judgement into what the rule makes of it. The only place that knows `onMoved` and the modes. */
export function verdict(story: Story): Verdict {
  const { judgement, reference, known } = story;
  switch (judgement.kind) {
    case 'same':
      return admitRecorded(story, judgement.digest);
    case 'first':
      return admitUnrecorded(story, judgement.digest);
    case 'moved':
      return onMoved(story, movedDenial(reference, known?.record, judgement));
    case 'pairMismatch':
      return denied(story, pairDenial(reference, known?.record, judgement));
    case 'unknown':
      return denied(story, notRecordedDenial(reference));
  }
}

/** A reference by digest only: it means itself, there is no tag to record. */
export function pinnedByDigest(reference: Reference): Verdict {
  const { digest } = reference;
  if (digest === undefined)
    throw new AppError({ code: 'INTERNAL', message: 'a reference without tag or digest' });
  return {
    kind: 'admit',
    reference,
    pin: digest,
    first: false,
    rewrite: 'none',
    mode: 'enforce',
    notes: [],
  };
}

export function exempt(reference: Reference, why: string): Verdict {
  return { kind: 'exempt', reference, why };
}

/** The verdict by the record that there is now; a new tag is seen first once, however often it moves. */
export function afterRecording(story: Story, outcome: RecordOutcome): Verdict {
  if (outcome.kind === 'pending') return pending(story, outcome);
  const first = outcome.kind === 'recorded' && outcome.found.record.generation === 0;
  return verdict({ ...story, first });
}

/** Reserved but not in the log yet: come again, unless the rule takes our signed reservation while the log is down. */
function pending(
  story: Story,
  { found, retryAfterSeconds, outage }: Extract<RecordOutcome, { kind: 'pending' }>,
): Verdict {
  const { reference, rule, notes, judgement } = story;
  const { record } = found;
  // somebody else may have reserved it meanwhile, with another digest: waiting would not change that answer
  const isMoved = judgement.kind === 'moved' && rule.onMoved === 'deny';
  if (isMoved || judgement.kind === 'pairMismatch') return verdict(story);
  if (outage === undefined) return notYet(story, record, retryAfterSeconds);
  if (rule.onLogUnavailable === 'deny') {
    return byMode(rule.mode, { reference, record }, unreachedDenial(reference.text, outage));
  }
  return admission(story, record, { first: false, notes: [...notes, { kind: 'notLoggedYet' }] });
}

/** Our reservation is signed: a rule that refuses nothing holds nobody up for the log, and what comes of it is told later. */
function notYet(story: Question, record: KnownRecord, retryAfterSeconds: number): Verdict {
  const { reference, rule, notes } = story;
  if (rule.mode === 'enforce') return { kind: 'pending', reference, record, retryAfterSeconds };
  return admission(story, record, { first: false, notes: [...notes, { kind: 'notLoggedYet' }] });
}

/** Where an asker was, of those places where more than the error counts. */
export type Step = 'resolution' | 'recording';

interface During {
  readonly step: Step;
  readonly rule: Rule;
  readonly signal: AbortSignal;
}

export interface Unreached {
  readonly text: string;
  readonly reference?: Reference;
  readonly error: unknown;
  readonly incident: (error: unknown) => string;
  readonly mode: Mode;
  readonly during?: During;
  readonly known?: VerifiedRecord | undefined;
}

/** No verdict could be reached: only a rule may forgive that, and only for codes that say nothing about evidence. */
export function noVerdict(unreached: Unreached): Verdict {
  const { text, reference, error, incident, mode, during, known } = unreached;
  const appError = toAppError(error);
  if (reference !== undefined && isTooSlow(appError, during)) return stillRecording(reference, known);
  const denial =
    appError.code === 'INTERNAL' ? internalDenial(text, incident(error)) : unreachedDenial(text, appError);
  const asked = { ...(reference && { reference }), ...(known && { record: known.record }) };
  if (forgives(during, appError.code, known)) return { kind: 'report', mode: 'warn', ...asked, denial };
  return byMode(mode, asked, denial);
}

/** A rule forgives the registry's silence, and nobody else's. */
function forgives(during: During | undefined, code: ErrorCode, known: VerifiedRecord | undefined): boolean {
  if (during?.step !== 'resolution' || known !== undefined) return false;
  return during.rule.onUnresolvable === 'warn' && isUnavailable(code);
}

/** The asker's time is over, and the recording goes on without it. A rule that refuses nothing is told the error. */
function isTooSlow({ code }: AppError, during: During | undefined): boolean {
  if (during?.step !== 'recording' || code !== 'DEADLINE_EXCEEDED') return false;
  return during.rule.mode === 'enforce' && during.signal.aborted;
}

/** Come again: the next asker joins what has been begun. */
function stillRecording(reference: Reference, known: VerifiedRecord | undefined): Verdict {
  return { kind: 'pending', reference, ...(known && { record: known.record }), retryAfterSeconds: 1 };
}

function admitRecorded(story: Story, digest: Digest): Verdict {
  const { rule, context, known, notes } = story;
  if (known === undefined) return admitUnrecorded(story, digest);
  if (!known.logged && rule.recording === 'required' && !story.first) {
    return notYet(story, known.record, 1);
  }
  return admission(story, known.record, {
    first: context.mayRecord && story.first === true,
    notes: known.logged ? notes : [...notes, { kind: 'notLoggedYet' }],
  });
}

function admission(
  { reference, rule }: Question,
  record: KnownRecord,
  { first, notes }: { readonly first: boolean; readonly notes: readonly Note[] },
): Verdict {
  const { rewrite, mode } = rule;
  return { kind: 'admit', reference, pin: record.digest, first, record, rewrite, mode, notes };
}

/** A new tag seen by somebody who may not record: it would be recorded with this digest. */
function admitUnrecorded({ reference, rule, notes, future }: Story, pin: Digest): Verdict {
  return {
    kind: 'admit',
    reference,
    pin,
    first: false,
    rewrite: rule.rewrite,
    mode: rule.mode,
    notes: [...notes, { kind: future === 'restorable' ? 'wouldRestore' : 'wouldRecord' }],
  };
}

function onMoved(story: Story, denial: Denial): Verdict {
  const { known, rule } = story;
  if (rule.onMoved === 'deny' || known === undefined) return denied(story, denial);
  return admitRecorded(
    { ...story, notes: [...story.notes, { kind: 'runsRecorded', denial }] },
    known.record.digest,
  );
}

function denied({ reference, known, rule, tracked }: Story, denial: Denial): Verdict {
  const asked = { reference, ...(known && { record: known.record }), ...(tracked && { tracked }) };
  return byMode(rule.mode, asked, denial);
}

function byMode(
  mode: Mode,
  {
    tracked,
    ...asked
  }: { readonly reference?: Reference; readonly record?: KnownRecord; readonly tracked?: true },
  denial: Denial,
): Verdict {
  if (mode === 'warn' || mode === 'audit') return { kind: 'report', mode, ...asked, denial };
  return { kind: 'deny', ...asked, denial, ...(tracked && { tracked }) };
}

import type { CheckWorkload } from '../check/check-workload.ts';
import type { Verdict } from '../check/verdict.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import { errorBody } from '../http/json.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { auditAnnotations } from './audit.ts';
import { deadlineMs, withDeadline } from './deadline.ts';
import { outcomeOf } from './outcome.ts';
import type { Door, DoorRules, Outcome } from './outcome.ts';
import { renderReview } from './response.ts';
import type { Answer, DeniedImage } from './response.ts';
import { headOf, parseReviewJson, readReview, uidOf } from './review.ts';
import type { ReviewHead } from './review.ts';
import { select } from './selection.ts';
import type { Selected, Selection } from './selection.ts';
import type { Replacement } from './patch.ts';
import { makeReporter } from './report.ts';
import { fieldOf, pointerOf } from './workload.ts';
import type { PlacedImage } from './workload.ts';

export interface AdmissionOptions {
  readonly checkWorkload: CheckWorkload;
  readonly workloads: 'warn' | 'deny';
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: { monotonicMs(): number };
}

export interface HttpAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** An image, the verdict on it, and what the door makes of that. */
export interface Finding {
  readonly image: PlacedImage;
  readonly field: string;
  readonly verdict: Verdict;
  readonly outcome: Outcome;
}

/** Answers one review: its bytes, the door and the request's URL (for `?timeout=`). Never rejects, never allows on an error. */
export type HandleReview = (door: Door, bytes: Buffer, url: string) => Promise<HttpAnswer>;

export function makeHandleReview(options: AdmissionOptions): HandleReview {
  const { checkWorkload, workloads, clock } = options;
  const reporter = makeReporter(options);

  return async function handleReview(door, bytes, url) {
    const started = clock.monotonicMs();
    const read = readTask(door, bytes);
    if (read.kind === 'invalid') return failed(door, read.uid, read.error);
    const { head, selected } = read;
    try {
      const { answer, findings } = await judge(door, head, selected, url);
      reporter.answered({ door, review: head, answer, findings, started });
      return { status: 200, body: renderReview(head.uid, answer) };
    } catch (error) {
      return failed(door, head.uid, toAppError(error));
    }
  };

  function failed(door: Door, uid: string | undefined, error: AppError): HttpAnswer {
    reporter.failed(door, uid, error);
    // without a uid no review can be answered: any status but 200 is a failed call to the API server
    if (uid === undefined) return refuse(error);
    return { status: 200, body: renderReview(uid, { kind: 'failed', error }) };
  }

  async function judge(
    door: Door,
    review: ReviewHead,
    selected: Selected,
    url: string,
  ): Promise<{ readonly answer: Answer; readonly findings: readonly Finding[] }> {
    if (selected.kind === 'skip' || selected.selection.images.length === 0) {
      return { answer: nothingToJudge(), findings: [] };
    }
    const { selection } = selected;
    const rules: DoorRules = { door, workloads, dryRun: review.dryRun };
    const verdicts = await withDeadline(deadlineMs(url), (signal) =>
      checkWorkload(
        selection.images.map(({ text }) => text),
        {
          origin: 'admission',
          mayRecord: door !== 'validate' && !review.dryRun,
          mayResolve: door !== 'validate',
          signal,
        },
      ),
    );
    const findings = selection.images.map((image): Finding => {
      const verdict = verdicts.get(image.text) ?? missing();
      const outcome = outcomeOf(image.text, verdict, rules);
      return { image, field: fieldOf(selection.path, image), verdict, outcome };
    });
    return { answer: answerOf(selection, findings), findings };
  }
}

type ReadTask =
  | { readonly kind: 'task'; readonly head: ReviewHead; readonly selected: Selected }
  | { readonly kind: 'invalid'; readonly uid: string | undefined; readonly error: AppError };

/**
 * Takes from a review what judging it needs. Not a part of the async function on purpose: objects that wait for a verdict must
 * not hold the parsed review, or all of it lives until the next full garbage collection.
 */
function readTask(door: Door, bytes: Buffer): ReadTask {
  let uid: string | undefined;
  try {
    const json = parseReviewJson(bytes);
    uid = uidOf(json);
    const review = readReview(json);
    const selected = select(review, door === 'warn' ? 'workloads' : 'pods');
    return { kind: 'task', head: headOf(review), selected };
  } catch (error) {
    return { kind: 'invalid', uid, error: toAppError(error) };
  }
}

function missing(): never {
  throw new AppError({ code: 'INTERNAL', message: 'an image was left without a verdict' });
}

function refuse(error: AppError): HttpAnswer {
  const isOurs = error.code === 'INTERNAL';
  return {
    status: isOurs ? 500 : 400,
    body: JSON.stringify(
      errorBody(error.code, isOurs ? 'internal error: see the log of Tagseal' : error.message),
    ),
  };
}

function nothingToJudge(): Answer {
  return { kind: 'allow', replacements: [], warnings: [], auditAnnotations: auditAnnotations([]) };
}

/** One denied image denies the whole object; only then does one that is still being recorded count. */
function answerOf(selection: Selection, findings: readonly Finding[]): Answer {
  const denied: DeniedImage[] = [];
  const replacements: Replacement[] = [];
  const warnings: string[] = [];
  let retry: Extract<Outcome, { kind: 'retry' }> | undefined;
  for (const { image, field, outcome } of findings) {
    if (outcome.kind === 'deny') {
      denied.push({ field, reason: outcome.reason, message: outcome.message });
    } else if (outcome.kind === 'retry') {
      retry ??= outcome;
    } else {
      warnings.push(...outcome.warnings);
      if (outcome.pinned !== undefined && selection.mayPatch(image)) {
        replacements.push({
          pointer: pointerOf(selection.path, image),
          from: image.text,
          to: outcome.pinned,
        });
      }
    }
  }
  if (denied.length > 0) return { kind: 'deny', images: denied, warnings };
  if (retry !== undefined) return retry;
  return { kind: 'allow', replacements, warnings, auditAnnotations: auditAnnotations(findings) };
}

import type { CheckWorkload } from '../check/check-workload.ts';
import type { CheckContext } from '../check/verdict.ts';
import { AppError, toAppError } from '../errors/app-error.ts';
import { errorBody } from '../http/json.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { answerOf, nothingToJudge } from './answer.ts';
import type { Finding, Judged } from './answer.ts';
import { deadlineMs, withDeadline } from './deadline.ts';
import { hasDuplicateKeys } from './duplicate-keys.ts';
import { ownerOf } from './loop-detector.ts';
import type { LoopDetector, PodOwner } from './loop-detector.ts';
import { placeOf } from './namespace.ts';
import type { NamespaceLookup, Place } from './namespace.ts';
import { outcomeOf } from './outcome.ts';
import type { AnyDoor, Door, DoorRules } from './outcome.ts';
import { accessOf } from './pull-access.ts';
import type { PullSecretLookup } from './pull-access.ts';
import { answerResource } from './resources.ts';
import { renderReview } from './response.ts';
import { headOf, invalid, parseReviewJson, readReview, uidOf } from './review.ts';
import type { ReviewHead } from './review.ts';
import { select } from './selection.ts';
import type { Selected, Selection } from './selection.ts';
import { makeReporter } from './report.ts';
import { MAX_WAITING, makeWaiting, shed } from './waiting.ts';
import { loopWarning } from './warnings.ts';
import { fieldOf } from './workload.ts';

export interface AdmissionOptions {
  readonly checkWorkload: CheckWorkload;
  readonly workloads: 'warn' | 'deny';
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: { monotonicMs(): number };
  /** Absent outside a cluster: then neither labels nor pull secrets count. */
  readonly namespaces?: NamespaceLookup;
  readonly pullSecrets?: PullSecretLookup;
  /** Absent: nobody looks for loops. */
  readonly loops?: LoopDetector;
  /** Reviews that may wait at once for registry and log. */
  readonly maxWaiting?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** Answers one review: its bytes, the door and the request's URL (for `?timeout=`). Never rejects, never allows on an error. */
export type HandleReview = (door: AnyDoor, bytes: Buffer, url: string) => Promise<HttpAnswer>;

export function makeHandleReview(options: AdmissionOptions): HandleReview {
  const { checkWorkload, workloads, clock, maxWaiting = MAX_WAITING } = options;
  const reporter = makeReporter(options);
  const waiting = makeWaiting(maxWaiting);

  return async function handleReview(door, bytes, url) {
    const started = clock.monotonicMs();
    const read = readTask(door, bytes);
    if (read.kind === 'invalid') return failed(door, read.uid, read.error);
    const { head } = read;
    try {
      const { answer, findings } = read.kind === 'answered' ? read.judged : await judge(read, url);
      reporter.answered({ door, review: head, answer, findings, started });
      return { status: 200, body: renderReview(head.uid, answer) };
    } catch (error) {
      return failed(door, head.uid, toAppError(error));
    }
  };

  function failed(door: AnyDoor, uid: string | undefined, error: AppError): HttpAnswer {
    reporter.failed(door, uid, error);
    // without a uid no review can be answered: any status but 200 is a failed call to the API server
    if (uid === undefined) return refuse(error);
    return { status: 200, body: renderReview(uid, { kind: 'failed', error }) };
  }

  async function judge(task: Task, url: string): Promise<Judged> {
    const { door, selected } = task;
    if (selected.kind === 'skip' || selected.selection.images.length === 0) return nothingToJudge();
    const { selection } = selected;
    return (await waiting.take(() => judgeImages(task, selection, url))) ?? shed({ door, workloads });
  }

  async function judgeImages(
    { door, head, owner }: Task,
    selection: Selection,
    url: string,
  ): Promise<Judged> {
    const { place, verdicts } = await withDeadline(deadlineMs(url), async (signal) => {
      const place = await placeOf(options.namespaces, head.namespace, signal);
      if (place.mode === 'off') return { place };
      const context = contextOf(door, head, place, selection);
      const texts = selection.images.map(({ text }) => text);
      return { place, verdicts: await checkWorkload(texts, { ...context, signal }) };
    });
    if (verdicts === undefined) return nothingToJudge(place.mode);
    const rules: DoorRules = { door, workloads, dryRun: head.dryRun };
    const findings = selection.images.map((image): Finding => {
      const verdict = verdicts.get(image.text) ?? missing();
      const outcome = outcomeOf(image.text, verdict, rules);
      return { image, field: fieldOf(selection.path, image), verdict, outcome };
    });
    // what /mutate has said once is enough
    const told = door === 'validate' ? [] : place.warnings;
    const warnings = [...told, ...loopWarnings(owner, findings, place)];
    return { answer: answerOf(selection, findings, { warnings, mode: place.mode }), findings };
  }

  function contextOf(
    door: Door,
    { dryRun }: ReviewHead,
    { namespace, mode }: Place,
    { pullSecrets }: Selection,
  ): Omit<CheckContext, 'signal'> {
    const access = accessOf(options.pullSecrets, pullSecrets);
    // the Pods come later: the record begins now, and nobody waits for the log
    const isAhead = door === 'warn' && workloads === 'warn';
    return {
      origin: 'admission',
      mayRecord: door !== 'validate' && !dryRun,
      mayResolve: door !== 'validate',
      ...(namespace && { namespace }),
      ...(mode && { mode }),
      ...(access && { access }),
      ...(isAhead && { waitFor: 'reserved' }),
    };
  }

  /** Only what is pinned can be fought. */
  function loopWarnings(
    owner: PodOwner | undefined,
    findings: readonly Finding[],
    { mode }: Place,
  ): readonly string[] {
    if (owner === undefined || options.loops === undefined) return [];
    const pins = findings.map(({ outcome }) => (outcome.kind === 'allow' ? outcome.pinned : undefined));
    const pinned = pins.filter((pin) => pin !== undefined);
    if (pinned.length === 0 || !options.loops.isLoop(owner, pinned)) return [];
    reporter.looped(owner);
    return mode === 'audit' ? [] : [loopWarning(owner)];
  }
}

interface Task {
  readonly door: Door;
  readonly head: ReviewHead;
  readonly selected: Selected;
  readonly owner: PodOwner | undefined;
}

type ReadTask =
  | (Task & { readonly kind: 'task' })
  /** Where nobody need be asked. */
  | { readonly kind: 'answered'; readonly head: ReviewHead; readonly judged: Judged }
  | { readonly kind: 'invalid'; readonly uid: string | undefined; readonly error: AppError };

/**
 * Takes from a review what judging it needs. Not a part of the async function on purpose: objects that wait for a verdict must
 * not hold the parsed review, or all of it lives until the next full garbage collection.
 */
function readTask(door: AnyDoor, bytes: Buffer): ReadTask {
  let uid: string | undefined;
  try {
    const json = parseReviewJson(bytes);
    uid = uidOf(json);
    if (hasDuplicateKeys(bytes, json)) throw invalid('an object in it has a key twice; send each key once');
    const review = readReview(json);
    const head = headOf(review);
    if (door === 'stamp' || door === 'policy') {
      return { kind: 'answered', head, judged: { answer: answerResource(door, review), findings: [] } };
    }
    const selected = select(review, door === 'warn' ? 'workloads' : 'pods');
    const owner = door === 'mutate' ? ownerOf(review) : undefined;
    return { kind: 'task', door, head, selected, owner };
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

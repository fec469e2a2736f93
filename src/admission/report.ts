import type { AppError } from '../errors/app-error.ts';
import { levelOf } from '../observe/level-of.ts';
import type { Verdict } from '../check/verdict.ts';
import type { LogFields } from '../observe/log.ts';
import type { ReasonLabel, VerdictLabel } from '../observe/metrics.ts';
import type { Finding } from './answer.ts';
import type { AdmissionOptions } from './handler.ts';
import type { PodOwner } from './loop-detector.ts';
import type { AnyDoor } from './outcome.ts';
import type { Answer } from './response.ts';
import type { ReviewHead } from './review.ts';

export interface Answered {
  readonly door: AnyDoor;
  readonly review: ReviewHead;
  readonly answer: Answer;
  readonly findings: readonly Finding[];
  /** Monotonic, milliseconds. */
  readonly started: number;
}

export interface Reporter {
  answered(answered: Answered): void;
  failed(door: AnyDoor, uid: string | undefined, error: AppError): void;
  /** An owner makes the same Pod again and again. */
  looped(owner: PodOwner): void;
}

/** Logs and counts: one line per review, one more per image that was not simply let through. */
export function makeReporter({
  logger,
  metrics,
  clock,
}: Pick<AdmissionOptions, 'logger' | 'metrics' | 'clock'>): Reporter {
  return {
    answered({ door, review, answer, findings, started }) {
      const durationMs = clock.monotonicMs() - started;
      metrics.observeAdmission(door, durationMs / 1000);
      const { uid, namespace, name, groupKind, operation, dryRun } = review;
      for (const finding of findings) {
        metrics.countVerdict(door, labelOf(finding), reasonOf(finding));
        if (isWorthALine(finding)) logImage(finding, { door, uid, namespace });
      }
      logger.info('admission.answered', {
        door,
        uid,
        namespace,
        name,
        kind: groupKind,
        operation,
        ...(dryRun ? { dryRun } : {}),
        images: findings.length,
        verdict: answer.kind,
        durationMs: Math.round(durationMs * 1000) / 1000,
      });
    },

    failed(door, uid, error) {
      const level = error.code === 'INTERNAL' ? 'error' : 'warn';
      logger[level]('admission.failed', { door, uid, code: error.code, error }, 'a review was not judged');
    },

    looped({ uid, kind, name, pod }) {
      metrics.countLoop();
      logger.warn(
        'admission.loop',
        { ownerUid: uid, ownerKind: kind, owner: name, pod },
        'the same pod is made again and again with the same images: if its owner compares them, use rewrite: none',
      );
    },
  };

  function logImage({ field, image, verdict, outcome }: Finding, request: LogFields): void {
    const { rule } = verdict;
    const fields = { ...request, field, reference: image.text, ...(rule !== undefined && { rule }) };
    if (outcome.kind === 'deny') {
      logger[levelOf(outcome.reason)](
        'image.denied',
        { ...fields, reason: outcome.reason, ...digests(verdict) },
        headline(outcome),
      );
      return;
    }
    switch (verdict.kind) {
      case 'admit':
        logger.info('image.admitted', {
          ...fields,
          digest: verdict.pin,
          first: verdict.first,
          notes: verdict.notes.map((note) => note.kind),
        });
        return;
      case 'deny':
      case 'report':
        logger[levelOf(verdict.denial.reason)](
          'image.reported',
          { ...fields, reason: verdict.denial.reason, ...digests(verdict) },
          headline(verdict.denial),
        );
        return;
      case 'pending':
        logger.info('image.pending', fields);
        return;
      case 'exempt':
        logger.debug('image.exempt', { ...fields, why: verdict.why });
    }
  }
}

/** A known tag that is simply pinned is told by the review's own line. */
function isWorthALine({ verdict, outcome }: Finding): boolean {
  return verdict.kind !== 'admit' || outcome.kind !== 'allow' || verdict.first || verdict.notes.length > 0;
}

function headline({ message }: { readonly message: string }): string | undefined {
  return message.split('\n', 1)[0];
}

function digests(verdict: Verdict): LogFields {
  if (verdict.kind !== 'deny' && verdict.kind !== 'report') return {};
  const { expected, actual } = verdict.denial;
  return { ...(expected === undefined ? {} : { expected }), ...(actual === undefined ? {} : { actual }) };
}

function labelOf({ verdict, outcome }: Finding): VerdictLabel {
  return outcome.kind === 'deny' ? 'deny' : verdict.kind;
}

function reasonOf({ verdict, outcome }: Finding): ReasonLabel {
  if (outcome.kind === 'deny') return outcome.reason;
  return verdict.kind === 'deny' || verdict.kind === 'report' ? verdict.denial.reason : 'none';
}

import type { Verdict } from '../check/verdict.ts';
import type { Mode } from '../policy/policy.ts';
import { auditAnnotations } from './audit.ts';
import type { Outcome } from './outcome.ts';
import type { Replacement } from './patch.ts';
import type { Answer, DeniedImage } from './response.ts';
import type { Selection } from './selection.ts';
import { pointerOf } from './workload.ts';
import type { PlacedImage } from './workload.ts';

/** An image, the verdict on it, and what the door makes of that. */
export interface Finding {
  readonly image: PlacedImage;
  readonly field: string;
  readonly verdict: Verdict;
  readonly outcome: Outcome;
}

export interface Judged {
  readonly answer: Answer;
  readonly findings: readonly Finding[];
}

/** `mode` as labelled. */
export function nothingToJudge(mode?: Mode): Judged {
  const annotations = auditAnnotations('allow', [], mode);
  const answer = { kind: 'allow', replacements: [], warnings: [], auditAnnotations: annotations } as const;
  return { answer, findings: [] };
}

export interface Besides {
  readonly warnings: readonly string[];
  readonly mode: Mode | undefined;
}

/** One denied image denies the whole object; only then does one that is still being recorded count. */
export function answerOf(selection: Selection, findings: readonly Finding[], besides: Besides): Answer {
  const denied = findings.flatMap(deniedImage);
  const retry = findings.map(({ outcome }) => outcome).find((outcome) => outcome.kind === 'retry');
  if (denied.length === 0 && retry !== undefined) return retry;
  const warnings = [...besides.warnings, ...findings.flatMap(warningsOf)];
  if (denied.length > 0) {
    const annotations = auditAnnotations('deny', findings, besides.mode);
    return { kind: 'deny', images: denied, warnings, auditAnnotations: annotations };
  }
  const replacements = findings.flatMap((finding) => replacement(finding, selection));
  const annotations = auditAnnotations('allow', findings, besides.mode);
  return { kind: 'allow', replacements, warnings, auditAnnotations: annotations };
}

function deniedImage({ field, outcome }: Finding): readonly DeniedImage[] {
  return outcome.kind === 'deny' ? [{ field, reason: outcome.reason, message: outcome.message }] : [];
}

function warningsOf({ outcome }: Finding): readonly string[] {
  return outcome.kind === 'allow' ? outcome.warnings : [];
}

function replacement({ image, outcome }: Finding, { path, mayPatch }: Selection): readonly Replacement[] {
  if (outcome.kind !== 'allow' || outcome.pinned === undefined || !mayPatch(image)) return [];
  return [{ pointer: pointerOf(path, image), from: image.text, to: outcome.pinned }];
}

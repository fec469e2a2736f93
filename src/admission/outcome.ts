import type { DenialReason, Note, Verdict } from '../check/verdict.ts';
import { pinnedText } from '../reference/parse-reference.ts';
import { moved, plainWarning, warning } from './warnings.ts';

/** `/mutate` pins Pods, `/validate` checks what came out, `/warn` looks ahead at workloads. */
export type Door = 'mutate' | 'validate' | 'warn';

/** Doors for Tagseal's own resources: `/stamp` for TagApprovals, `/policy` for TagPolicies. */
export type ResourceDoor = 'stamp' | 'policy';

export type AnyDoor = Door | ResourceDoor;

/** `/validate` alone: the image is covered by a rule and carries no digest, or not the recorded one. */
export type RefusalReason = DenialReason | 'NOT_PINNED';

/** What a door makes of one image. */
export type Outcome =
  | {
      readonly kind: 'allow';
      /** The text that must stand in its place; absent when it may stay as it is. */
      readonly pinned?: string;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'deny'; readonly reason: RefusalReason; readonly message: string }
  | { readonly kind: 'retry'; readonly seconds: number; readonly message: string };

export interface DoorRules {
  readonly door: Door;
  readonly dryRun: boolean;
  /** What `/warn` does with a denial: `deny` makes it a refusal of the workload itself. */
  readonly workloads: 'warn' | 'deny';
}

const NOTHING_TO_DO: Outcome = { kind: 'allow', warnings: [] };

/** The door's answer to one verdict. Pure; each door's rules are this function. */
export function outcomeOf(text: string, verdict: Verdict, rules: DoorRules): Outcome {
  switch (verdict.kind) {
    case 'admit':
      return admitted(text, verdict, rules);
    case 'exempt':
      return NOTHING_TO_DO;
    case 'report':
      // audit mode is for the log alone
      if (verdict.mode === 'audit') return NOTHING_TO_DO;
      return { kind: 'allow', warnings: [warningOf(text, verdict, 'its rule only warns')] };
    case 'pending':
      return pending(text, verdict.retryAfterSeconds, rules);
    case 'deny':
      return denied(text, verdict, rules);
  }
}

type Admission = Extract<Verdict, { kind: 'admit' }>;

function admitted(text: string, verdict: Admission, rules: DoorRules): Outcome {
  const { reference, pin, rewrite, notes, mode } = verdict;
  const isQuiet = notes.length === 0 || mode === 'audit';
  const warnings = isQuiet ? [] : notes.flatMap((note) => noteWarnings(text, note, rules));
  if (rewrite === 'none' || rules.door === 'warn') return { kind: 'allow', warnings };
  if (rules.door === 'validate') {
    return reference.digest === pin ? { kind: 'allow', warnings } : notPinned(text, verdict);
  }
  const pinned = pinnedText(reference, pin, rewrite);
  return pinned === text ? { kind: 'allow', warnings } : { kind: 'allow', pinned, warnings };
}

function notPinned(text: string, { pin, mode }: Admission): Outcome {
  if (mode === 'warn')
    return { kind: 'allow', warnings: [warning(text, 'is not pinned; its rule only warns')] };
  if (mode === 'audit') return NOTHING_TO_DO;
  return {
    kind: 'deny',
    reason: 'NOT_PINNED',
    message: [
      `not pinned: ${text}`,
      `  recorded ${pin}`,
      'something removed the digest after Tagseal had added it: run Tagseal last (reinvocationPolicy: IfNeeded), or write the digest',
    ].join('\n'),
  };
}

function pending(text: string, seconds: number, { door, workloads }: DoorRules): Outcome {
  // the Pods come later, and by then the tag is recorded
  if (door === 'warn' && workloads === 'warn') return NOTHING_TO_DO;
  return { kind: 'retry', seconds, message: `tag is being recorded: ${text}` };
}

function denied(text: string, verdict: Extract<Verdict, { kind: 'deny' }>, rules: DoorRules): Outcome {
  const { denial } = verdict;
  if (rules.door === 'warn' && rules.workloads === 'warn') {
    return { kind: 'allow', warnings: [warningOf(text, verdict, 'its Pods will be refused')] };
  }
  // /mutate has just promised this to the same dry run, and nothing of it will be stored
  if (rules.door === 'validate' && rules.dryRun && isPromised(verdict)) {
    return { kind: 'allow', warnings: [warning(text, 'would be recorded')] };
  }
  return { kind: 'deny', reason: denial.reason, message: denial.message };
}

/**
 * What only /mutate can judge, since it asks the registry: a new tag, and what a tracked tag has moved to. A digest that
 * a tracked tag never had was refused there.
 */
function isPromised({ denial, tracked }: Extract<Verdict, { kind: 'deny' }>): boolean {
  if (denial.reason === 'NOT_RECORDED') return true;
  return tracked === true && denial.reason === 'DIGEST_NOT_RECORDED';
}

function warningOf(
  text: string,
  { denial, record }: Extract<Verdict, { kind: 'deny' | 'report' }>,
  consequence: string,
): string {
  if (denial.reason === 'TAG_MOVED') return warning(text, `${moved(record)}; ${consequence}`);
  return plainWarning(denial.message);
}

function noteWarnings(text: string, note: Note, { door, dryRun }: DoorRules): readonly string[] {
  switch (note.kind) {
    case 'wouldRestore':
      return dryRun ? [warning(text, 'would be restored from the log')] : [];
    case 'wouldRecord':
      return dryRun ? [warning(text, 'would be recorded')] : [];
    case 'notRechecked':
      // /validate never asks a registry, so there it says nothing
      return door === 'validate'
        ? []
        : [warning(text, `not rechecked (${note.code}); the recorded digest is used`)];
    case 'runsRecorded':
      return [warning(text, 'moved; the recorded digest is used')];
    case 'notLoggedYet':
      return [];
  }
}

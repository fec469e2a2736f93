import type { Judgement } from '../ledger/judge.ts';
import type { Digest } from '../reference/digest.ts';
import type { Current } from './current-digest.ts';
import type { Foreseen, Ledger, RecordOutcome, VerifiedRecord } from './ports.ts';
import type { Question } from './reach-verdict.ts';

/** What is to be recorded before the verdict; `otherwise` is the judgement for who may not record. */
export type DueRecord =
  | { readonly kind: 'nothing'; readonly otherwise: Judgement }
  /** A new tag, or one whose publication was cut short. */
  | { readonly kind: 'tag'; readonly digest: Digest; readonly otherwise: Judgement }
  /** A tracked tag's next generation. */
  | {
      readonly kind: 'move';
      readonly digest: Digest;
      readonly from: number;
      readonly otherwise: Judgement;
    };

export interface Known {
  readonly known: VerifiedRecord | undefined;
  readonly tracked: boolean;
  readonly current: Current;
}

/** Pure; throws INTERNAL only when a first sight was judged without asking the registry. */
export function dueRecord(judgement: Judgement, { known, tracked, current }: Known): DueRecord {
  if (known === undefined) {
    return judgement.kind === 'first'
      ? { kind: 'tag', digest: current.required(), otherwise: judgement }
      : { kind: 'nothing', otherwise: judgement };
  }
  const { digest: recorded, generation } = known.record;
  if (tracked && isMove(judgement, current.digest)) {
    const digest = current.required();
    // what would be recorded is what would run
    return { kind: 'move', digest, from: generation, otherwise: { kind: 'first', digest } };
  }
  return judgement.kind === 'same' && !known.logged
    ? { kind: 'tag', digest: recorded, otherwise: judgement }
    : { kind: 'nothing', otherwise: judgement };
}

/** What would come of a first sight that the asker may not record: a tag is not called new before the log was asked. */
export async function foreseen(
  ledger: Ledger,
  due: DueRecord,
  { reference, known, signal }: Asker,
): Promise<Foreseen | undefined> {
  if (due.kind !== 'tag' || known !== undefined) return undefined;
  return ledger.foresee(reference, due.digest, signal);
}

interface Asker extends Pick<Known, 'known'>, Pick<Question, 'reference'> {
  readonly signal: AbortSignal;
}

/** Records what is due, waiting for the log as the rule says. Throws as Ledger. */
export function recordDue(
  ledger: Ledger,
  due: Exclude<DueRecord, { kind: 'nothing' }>,
  { reference, rule, tracked, context }: Question,
): Promise<RecordOutcome> {
  const { origin, signal } = context;
  const waitFor = context.waitFor ?? (rule.recording === 'required' ? 'logged' : 'reserved');
  const request = { reference, digest: due.digest, origin, waitFor } as const;
  const refusesOther = !tracked && rule.onMoved === 'deny';
  if (due.kind === 'tag') return ledger.record({ ...request, refusesOther }, signal);
  return ledger.advance({ ...request, from: due.from }, signal);
}

/** Judgements that a newer generation of the record would change. */
export function isRefusal({ kind }: Judgement): boolean {
  return kind === 'moved' || kind === 'pairMismatch';
}

/** The tag points elsewhere than it is recorded, and nobody wrote a digest beside it that it does not point to. */
function isMove(judgement: Judgement, current: Digest | undefined): boolean {
  if (judgement.kind === 'moved') return true;
  return judgement.kind === 'pairMismatch' && judgement.wanted === current && judgement.means !== current;
}

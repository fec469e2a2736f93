import type { Denial, Note, Verdict } from '../check/verdict.ts';
import type { KnownRecord, RecordedEntry } from '../ledger/record.ts';
import { canonicalText } from '../reference/parse-reference.ts';
import { approvalOf, type Accepted } from './approval-of.ts';
import type { Failure } from './failure.ts';
import type { RecordWithEvidence } from './ports.ts';
import { isFailure, wordOf, type Word } from './verdict-word.ts';

// The shapes that scripts rely on, described in docs/cli.md: fields may be added, never renamed or removed.

export interface RecordJson {
  readonly reference: string;
  readonly generation: number;
  readonly digest: string;
  readonly phase: string;
  readonly firstSeen: string;
  readonly origin: string;
  readonly log?: RecordedEntry;
}

export interface VerdictJson {
  readonly image: string;
  readonly verdict: Word;
  /** Canonical. */
  readonly reference?: string;
  /** What must run. */
  readonly digest?: string;
  readonly record?: RecordJson;
  readonly notes: readonly Note[];
  readonly why?: string;
  readonly denial?: Denial;
  /** Instead of `denial` where no verdict could be reached. */
  readonly error?: { readonly code: string; readonly message: string };
}

export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

export function errorJson({ code, message }: Failure): { readonly error: Failure } {
  return { error: { code, message } };
}

export function recordJson(record: KnownRecord): RecordJson {
  const { reference, generation, digest, phase, firstSeen, origin, log } = record;
  return { reference, generation, digest, phase, firstSeen, origin, ...(log && { log }) };
}

/** A record of `history`: with who accepted it. */
export function generationJson({ record, logged }: RecordWithEvidence): RecordJson & {
  readonly scope: string;
  readonly claimId: string;
  readonly privacy: string;
  readonly logged: boolean;
  readonly approval?: Accepted;
} {
  const { scope, claimId, privacy } = record;
  const approval = approvalOf(record);
  return { ...recordJson(record), scope, claimId, privacy, logged, ...(approval && { approval }) };
}

export function verdictJson(image: string, verdict: Verdict): VerdictJson {
  const record = 'record' in verdict ? verdict.record : undefined;
  return {
    image,
    verdict: wordOf(verdict),
    ...(verdict.reference && { reference: canonicalText(verdict.reference) }),
    ...(verdict.kind === 'admit' && { digest: verdict.pin }),
    ...(record && { record: recordJson(record) }),
    notes: verdict.kind === 'admit' ? verdict.notes : [],
    ...(verdict.kind === 'exempt' && { why: verdict.why }),
    ...denialJson(verdict),
  };
}

function denialJson(verdict: Verdict): Pick<VerdictJson, 'denial' | 'error'> {
  if (verdict.kind !== 'deny' && verdict.kind !== 'report') return {};
  const { denial } = verdict;
  if (isFailure(denial.reason)) return { error: { code: denial.reason, message: denial.message } };
  return { denial };
}

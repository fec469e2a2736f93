import { notRecordedDenial } from '../check/denial.ts';
import type { KnownRecord } from '../ledger/record.ts';
import { approvalOf, type Accepted } from './approval-of.ts';
import { toFailure, type Failure } from './failure.ts';
import { EXIT, exitCodeOfReason, worst } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import type { GenerationFound } from './ports.ts';
import { generationJson, toJson } from './render-json.ts';
import { renderTable, type Cell } from './render-table.ts';
import type { ReadSession } from './session.ts';
import { parseTagArgument } from './tag-argument.ts';

const HEADER = [
  'GENERATION',
  'DIGEST',
  'FIRST SEEN',
  'LOG INDEX',
  'LOG TIME',
  'PHASE',
  'ACCEPTED BY',
  'REASON',
];

/** A generation whose failure may be shown. */
type Shown =
  | Extract<GenerationFound, { kind: 'verified' }>
  | { readonly kind: 'broken'; readonly generation: number; readonly failure: Failure };

/** Every generation of a tag that the store holds, its evidence verified, oldest first. Asks nobody else. */
export async function showHistory(
  { runtime, options, colors, debug, signal }: ReadSession,
  text: string,
): Promise<Outcome> {
  const reference = parseTagArgument(text);
  const found = await runtime.generations(reference, signal);
  const shown = found.map((each): Shown => {
    if (each.kind === 'verified') return each;
    return { kind: 'broken', generation: each.generation, failure: toFailure(each.error, debug) };
  });
  const missing = shown.length === 0;
  const code = missing ? exitCodeOfReason('NOT_RECORDED') : worst(shown.map(codeOf));
  const problems = missing
    ? [notRecordedDenial(reference).message.replaceAll('\n', '; ')]
    : shown.flatMap((each) =>
        each.kind === 'broken' ? [`generation ${each.generation}: ${each.failure.message}`] : [],
      );
  if (options.output === 'json') {
    const shape = { reference: reference.canonical, generations: shown.map(shownJson) };
    return { code, problems, stdout: toJson(shape) };
  }
  if (missing) return { code, problems };
  // digests in full: they are what a person comes here for
  const rows = shown.map((each) => (each.kind === 'broken' ? brokenRow(each, colors.red) : row(each)));
  return { code, problems, stdout: `${reference.canonical}\n${renderTable(HEADER, rows)}` };
}

function codeOf(shown: Shown): number {
  return shown.kind === 'broken' ? exitCodeOfReason(shown.failure.code) : EXIT.ok;
}

function shownJson(shown: Shown): object {
  if (shown.kind === 'verified') return generationJson(shown);
  const { generation, failure } = shown;
  return { generation, error: { code: failure.code, message: failure.message } };
}

function row({ record }: Extract<Shown, { kind: 'verified' }>): readonly Cell[] {
  const approval = approvalOf(record);
  const { generation, digest, phase, log, firstSeen } = record;
  const cells = [
    String(generation),
    digest,
    firstSeen,
    log === undefined ? '-' : String(log.index),
    log?.time ?? '-',
    phase,
    approval?.by ?? '-',
    approval === undefined ? withoutApproval(record) : reasonOf(approval),
  ];
  return cells.map((text) => ({ text }));
}

function reasonOf({ reason, from }: Accepted): string {
  return from === undefined ? `${reason} (the generation before was lost)` : reason;
}

function withoutApproval({ generation, origin }: KnownRecord): string {
  if (generation === 0) return '-';
  return origin === 'restore' ? 'restored: the log keeps no reasons' : 'the policy tracks this tag';
}

/** Its fields are not trusted, and so not shown. */
function brokenRow(
  { generation, failure }: Extract<Shown, { kind: 'broken' }>,
  paint: (text: string) => string,
): readonly Cell[] {
  const unknown = { text: '-' };
  const code = { text: failure.code, paint };
  return [{ text: String(generation) }, unknown, unknown, unknown, unknown, code, unknown, unknown];
}

import { setTimeout as wait } from 'node:timers/promises';
import { notRecordedDenial } from '../check/denial.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Approval, KnownRecord } from '../ledger/record.ts';
import { isApprovalText } from '../ledger/statement.ts';
import { EXIT, exitCodeOfReason } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import type { AcceptOutcome, AcceptRequest, Io } from './ports.ts';
import { recordJson, toJson } from './render-json.ts';
import { renderFacts } from './render-table.ts';
import type { Session } from './session.ts';
import { parseTagArgument } from './tag-argument.ts';

export interface AcceptOptions {
  readonly reason: string;
  readonly by?: string;
}

type Answered = Exclude<AcceptOutcome, { kind: 'unknown' }>;

/** Records the digest that a known tag points to now as the tag's next generation. Throws REFERENCE_INVALID. */
export async function acceptMove(
  session: Session,
  text: string,
  { reason, by }: AcceptOptions,
): Promise<Outcome> {
  const reference = parseTagArgument(text);
  const { digest } = reference;
  if (digest === undefined) {
    throw new AppError({
      code: 'REFERENCE_INVALID',
      message: `cannot accept ${quote(text)}: it names no digest; write the digest that the tag points to now, as the refusal prints it: ${reference.canonical}@sha256:...`,
    });
  }
  const approval = { by: line('--by', by ?? userOf(session.io)), reason: line('--reason', reason) };
  const outcome = await accepted(session, { reference, digest, approval });
  if (outcome.kind === 'unknown') {
    const problem = `${notRecordedDenial(reference).message.replaceAll('\n', '; ')}; only a recorded tag can move`;
    return { code: exitCodeOfReason('NOT_RECORDED'), problems: [problem] };
  }
  return told(session, outcome, approval);
}

/** Asks again while the log does not have it, until the deadline; the first answer knows the generation before. */
async function accepted({ runtime, signal }: Session, request: AcceptRequest): Promise<AcceptOutcome> {
  let outcome = await runtime.accept(request, signal);
  let from: KnownRecord | undefined;
  while (outcome.kind === 'pending') {
    from ??= before(outcome);
    const ended = await wait(outcome.retryAfterSeconds * 1000, false, { signal }).catch(() => signal.aborted);
    if (ended) return outcome;
    const next = await runtime.accept(request, signal);
    // what is present now is what this command reserved
    outcome =
      next.kind === 'present' && from !== undefined ? { kind: 'accepted', from, found: next.found } : next;
  }
  return outcome;
}

/** The generation that was left; undefined where an earlier run of the command had reserved this one already. */
function before(outcome: Answered): KnownRecord | undefined {
  const from = 'from' in outcome ? outcome.from : undefined;
  return from !== undefined && from.generation < outcome.found.record.generation ? from : undefined;
}

function told({ options }: Session, outcome: Answered, approval: Approval): Outcome {
  const { kind, found } = outcome;
  const { record } = found;
  const from = before(outcome);
  const code = kind === 'pending' ? EXIT.unreachable : EXIT.ok;
  const problems =
    kind === 'pending'
      ? [`${record.reference} is reserved but not in the log yet; run the same command again`]
      : [];
  if (options.output === 'json') {
    const shape = {
      outcome: kind,
      reference: record.reference,
      ...(from && { from: recordJson(from) }),
      record: recordJson(record),
      ...(kind !== 'present' && { approval }),
    };
    return { code, problems, stdout: toJson(shape) };
  }
  if (kind === 'present') {
    const nothing = `it means this digest already, generation ${record.generation}; there is nothing to accept`;
    return {
      code,
      stdout: renderFacts(record.reference, [
        ['digest', record.digest],
        ['as before', nothing],
      ]),
    };
  }
  return { code, problems, stdout: renderFacts(record.reference, facts(record, from, approval)) };
}

function facts(
  { digest, generation, log }: KnownRecord,
  from: KnownRecord | undefined,
  { by, reason }: Approval,
): readonly (readonly [string, string])[] {
  return [
    ['old', from?.digest ?? '-'],
    ['new', digest],
    ['generation', String(generation)],
    ['log entry', log === undefined ? 'none yet' : `index ${log.index}, uuid ${log.uuid}`],
    ['accepted by', by],
    ['reason', reason],
  ];
}

function userOf({ userName }: Io): string {
  const name = userName();
  if (name !== undefined) return name;
  throw new AppError({
    code: 'DOCUMENT_INVALID',
    message:
      'cannot accept a move: the system has no name for the user who runs this; say who accepts with --by',
  });
}

function line(option: string, text: string): string {
  const trimmed = text.trim();
  if (isApprovalText(trimmed)) return trimmed;
  throw new AppError({
    code: 'DOCUMENT_INVALID',
    message: `cannot accept a move: ${option} ${quote(text)} is not one line of 1 to 256 printable characters; write one`,
  });
}

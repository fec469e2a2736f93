import { setTimeout as wait } from 'node:timers/promises';
import { notRecordedDenial } from '../check/denial.ts';
import { AppError } from '../errors/app-error.ts';
import type { Approval, KnownRecord } from '../ledger/record.ts';
import { approvalLine, parseMove } from './accept-request.ts';
import { EXIT, exitCodeOfReason } from './exit-code.ts';
import type { Outcome } from './outcome.ts';
import type { AcceptOutcome, AcceptRequest, Before, Io } from './ports.ts';
import { recordJson, toJson } from './render-json.ts';
import { renderFacts } from './render-table.ts';
import type { Session } from './session.ts';

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
  const { reference, digest } = parseMove(text);
  const approval = {
    by: approvalLine('--by', by ?? userOf(session.io)),
    reason: approvalLine('--reason', reason),
  };
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
  let known: Before = {};
  while (outcome.kind === 'pending') {
    known = { ...before(outcome), ...known };
    const ended = await wait(outcome.retryAfterSeconds * 1000, false, { signal }).catch(() => signal.aborted);
    if (ended) return outcome;
    const next = await runtime.accept(request, signal);
    // what is present now is what this command reserved
    const isOurs = next.kind === 'present' && Object.keys(known).length > 0;
    outcome = isOurs ? { kind: 'accepted', ...known, found: next.found } : next;
  }
  return outcome;
}

/** The generation that was left; empty where an earlier run of the command had reserved this one already. */
function before(outcome: Answered): Before {
  if (outcome.kind === 'present') return {};
  const { from, lost, found } = outcome;
  if (lost !== undefined) return { lost };
  return from !== undefined && from.generation < found.record.generation ? { from } : {};
}

function told({ options }: Session, outcome: Answered, approval: Approval): Outcome {
  const { kind, found } = outcome;
  const { record } = found;
  const left = before(outcome);
  const code = kind === 'pending' ? EXIT.unreachable : EXIT.ok;
  const problems =
    kind === 'pending'
      ? [`${record.reference} is reserved but not in the log yet; run the same command again`]
      : [];
  if (options.output === 'json') {
    const shape = {
      outcome: kind,
      reference: record.reference,
      ...(left.from && { from: recordJson(left.from) }),
      ...(left.lost !== undefined && { lost: { generation: left.lost } }),
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
  return { code, problems, stdout: renderFacts(record.reference, facts(record, left, approval)) };
}

function facts(
  { digest, generation, log }: KnownRecord,
  left: Before,
  { by, reason }: Approval,
): readonly (readonly [string, string])[] {
  return [
    ['old', oldOf(left)],
    ['new', digest],
    ['generation', String(generation)],
    ['log entry', log === undefined ? 'none yet' : `index ${log.index}, uuid ${log.uuid}`],
    ['accepted by', by],
    ['reason', reason],
  ];
}

function oldOf({ from, lost }: Before): string {
  return lost === undefined ? (from?.digest ?? '-') : `not known: generation ${lost} is lost`;
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

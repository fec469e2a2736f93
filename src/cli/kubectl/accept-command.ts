import type { Digest } from '../../reference/digest.ts';
import { approvalLine, parseMove } from '../accept-request.ts';
import { EXIT } from '../exit-code.ts';
import type { Outcome } from '../outcome.ts';
import type { RecordWithEvidence } from '../ports.ts';
import { printable } from '../printable.ts';
import { recordJson, toJson } from '../render-json.ts';
import { renderFacts } from '../render-table.ts';
import type { Session } from '../session.ts';
import type { ApprovalSeen, ApprovalWish, ClusterRuntime } from './ports.ts';

/** Makes a TagApproval in the caller's name, and waits until the controller has answered it. Throws REFERENCE_INVALID. */
export async function approveMove(
  session: Session<ClusterRuntime>,
  text: string,
  reason: string,
): Promise<Outcome> {
  const { reference, digest } = parseMove(text);
  const line = approvalLine('--reason', reason);
  const known = await newest(session, reference);
  if (known?.logged === true && known.record.digest === digest) return present(session, known);
  const from = known?.record.digest;
  const wish = { reference, digest, reason: line, ...(from !== undefined && { from }) };
  return told(session, wish, await lastAnswer(session, wish));
}

/** A record that is broken says nothing: whether it can be mended, the controller tells. */
async function newest(
  { runtime, signal }: Session<ClusterRuntime>,
  reference: ApprovalWish['reference'],
): Promise<RecordWithEvidence | undefined> {
  const found = (await runtime.generations(reference, signal)).at(-1);
  return found?.kind === 'verified' ? found : undefined;
}

/** The final answer, or the last one before the deadline; undefined where not even the approval was made. */
async function lastAnswer(
  { io, runtime, signal }: Session<ClusterRuntime>,
  wish: ApprovalWish,
): Promise<ApprovalSeen> {
  let seen: ApprovalSeen | undefined;
  try {
    for await (const answer of runtime.approve(wish, signal)) {
      seen = answer;
      if (io.isTerminal) io.stderr(`${progressOf(answer)}\n`);
    }
  } catch (error) {
    // after the deadline, and after Ctrl-C, the approval is there, and may still be answered
    if (seen === undefined || !signal.aborted) throw error;
  }
  if (seen === undefined) throw new TypeError('an approval that nobody has seen');
  return seen;
}

function progressOf({ name, phase, message }: ApprovalSeen): string {
  if (phase === undefined) return `TagApproval ${name} is made; waiting for the controller`;
  return printable(`TagApproval ${name}: ${phase}: ${message ?? ''}`);
}

function present({ options }: Session<ClusterRuntime>, { record }: RecordWithEvidence): Outcome {
  const { reference, digest, generation } = record;
  if (options.output === 'json') {
    return { code: EXIT.ok, stdout: toJson({ outcome: 'present', reference, record: recordJson(record) }) };
  }
  const nothing = `it means this digest already, generation ${generation}; there is nothing to accept`;
  return {
    code: EXIT.ok,
    stdout: renderFacts(reference, [
      ['digest', digest],
      ['as before', nothing],
    ]),
  };
}

const OUTCOMES = {
  Accepted: { outcome: 'accepted', code: EXIT.ok },
  Refused: { outcome: 'refused', code: EXIT.denied },
  Pending: { outcome: 'pending', code: EXIT.unreachable },
} as const;

function told({ options }: Session<ClusterRuntime>, wish: ApprovalWish, seen: ApprovalSeen): Outcome {
  const { reference, digest, reason, from } = wish;
  const { name, phase = 'Pending', generation, message } = seen;
  const { outcome, code } = OUTCOMES[phase];
  const problems = problemsOf(seen);
  if (options.output === 'json') {
    const approval = { name, phase, ...(message !== undefined && { message }) };
    const shape = { outcome, reference: reference.canonical, from, digest, generation, reason, approval };
    return { code, problems, stdout: toJson(shape) };
  }
  if (phase !== 'Accepted') return { code, problems };
  return { code, stdout: renderFacts(reference.canonical, facts(wish, seen)) };
}

function facts({ digest, from, reason }: ApprovalWish, { name, generation }: ApprovalSeen) {
  const old: Digest | string = from ?? 'not known';
  return [
    ['old', old],
    ['new', digest],
    ['generation', String(generation ?? '-')],
    ['approval', name],
    ['reason', reason],
  ] as const;
}

function problemsOf({ name, phase, message }: ApprovalSeen): readonly string[] {
  if (phase === 'Accepted') return [];
  if (phase === 'Refused') return [`TagApproval ${name} was refused: ${message ?? ''}`];
  const look = `look at it with kubectl get tagapproval ${name} -o yaml`;
  if (phase === 'Pending') return [`TagApproval ${name} is pending: ${message ?? ''}; ${look}`];
  return [
    `TagApproval ${name} is made and not answered yet; see that Tagseal's controller runs, and ${look}`,
  ];
}

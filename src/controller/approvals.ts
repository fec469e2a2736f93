import type { Ledger } from '../check/ports.ts';
import { toAppError } from '../errors/app-error.ts';
import { isUnavailable, type ErrorCode } from '../errors/code.ts';
import { quote } from '../errors/quote.ts';
import { isApprovalText } from '../ledger/statement.ts';
import type { Digest } from '../reference/digest.ts';
import { isDigest } from '../reference/parse-digest.ts';
import { isTagReference, parseReference } from '../reference/parse-reference.ts';
import type { TagReference } from '../reference/reference.ts';
import type { Accept, ApprovalAnswer, ApprovalRequest } from './ports.ts';

export interface ApproverParts {
  readonly ledger: Pick<Ledger, 'latest'>;
  readonly accept: Accept;
  /** Logs an error that nobody expected and gives the id under which it was logged. */
  readonly incident: (error: unknown) => string;
}

/** Answers one TagApproval. Never throws. */
export type Approver = (request: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalAnswer>;

interface Move {
  readonly reference: TagReference;
  readonly from?: Digest;
  readonly to: Digest;
  readonly by: string;
  readonly reason: string;
}

/** An approval becomes the tag's next generation: logged like any record, and never an edit of one. */
export function makeApprover({ ledger, accept, incident }: ApproverParts): Approver {
  async function answer(move: Move, signal: AbortSignal): Promise<ApprovalAnswer> {
    const { reference, from, to, by, reason } = move;
    const known = await ledger.latest(reference, signal);
    const now = known?.record.digest;
    if (from !== undefined && now !== from && now !== to) {
      return refused(`the tag means ${now ?? 'nothing yet'} and not ${from}: somebody else moved it on`);
    }
    const outcome = await accept({ reference, digest: to, approval: { by, reason } }, signal);
    if (outcome.kind === 'unknown') return refused('the tag has no record: there is no move to accept');
    const { generation } = outcome.found.record;
    if (outcome.kind === 'pending') return { phase: 'Pending', message: 'reserved, and not in the log yet' };
    return { phase: 'Accepted', generation, message: `the tag means ${to} now` };
  }

  return async function approve(request, signal) {
    const move = readMove(request);
    if ('phase' in move) return move;
    try {
      return await answer(move, signal);
    } catch (error) {
      const { code, message } = toAppError(error);
      if (code === 'INTERNAL')
        return { phase: 'Pending', message: `internal error ${incident(error)}: see the log` };
      return isOutage(code) ? { phase: 'Pending', message } : refused(message);
    }
  };
}

const OUTAGES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'LOG_UNAVAILABLE',
  'LOG_IN_USE',
  'SIGNER_UNAVAILABLE',
  'TRUST_ROOT_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'KUBERNETES_UNAVAILABLE',
]);

function isOutage(code: ErrorCode): boolean {
  return OUTAGES.has(code) || isUnavailable(code);
}

function readMove(request: ApprovalRequest): Move | ApprovalAnswer {
  const { fromDigest, toDigest, reason, requestedBy = 'unknown' } = request;
  const reference = tagOf(request.reference);
  if (reference === undefined) return refused(`${quote(request.reference)} is not name:tag without a digest`);
  if (!isDigest(toDigest)) return refused(`toDigest ${quote(toDigest)} is not a digest`);
  if (fromDigest !== undefined && !isDigest(fromDigest)) {
    return refused(`fromDigest ${quote(fromDigest)} is not a digest`);
  }
  // the limits of the statement that is signed
  const by = requestedBy.slice(0, MAX_BY);
  if (!isApprovalText(by)) return refused('requestedBy is not one line of printable characters');
  if (!isApprovalText(reason)) return refused('reason is not one line of 1 to 256 printable characters');
  return { reference, to: toDigest, by, reason, ...(fromDigest !== undefined && { from: fromDigest }) };
}

const MAX_BY = 256;

function tagOf(text: string): TagReference | undefined {
  try {
    const reference = parseReference(text);
    return isTagReference(reference) && reference.digest === undefined ? reference : undefined;
  } catch {
    return undefined;
  }
}

function refused(message: string): ApprovalAnswer {
  return { phase: 'Refused', message };
}

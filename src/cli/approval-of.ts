import type { Approval, TagRecord } from '../ledger/record.ts';
import type { Digest } from '../reference/digest.ts';
import { parseApproval } from '../ledger/statement.ts';

/** `from` is absent where the generation before was lost, and nobody knew its digest. */
export interface Accepted extends Approval {
  readonly from?: Digest;
}

/** Who accepted the move of a verified record, and why; undefined for a first sight and for a tracked move. */
export function approvalOf({ approval }: TagRecord): Accepted | undefined {
  if (approval === undefined) return undefined;
  const { by, reason, from } = parseApproval(approval.statement);
  return { by, reason, ...(from !== undefined && { from }) };
}

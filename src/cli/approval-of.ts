import type { Approval, TagRecord } from '../ledger/record.ts';
import { parseApproval } from '../ledger/statement.ts';

/** Who accepted the move of a verified record, and why; undefined for a first sight and for a tracked move. */
export function approvalOf({ approval }: TagRecord): Approval | undefined {
  if (approval === undefined) return undefined;
  const { by, reason } = parseApproval(approval.statement);
  return { by, reason };
}

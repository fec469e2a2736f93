import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, textOf } from './fields.ts';
import { API_VERSION, TAG_APPROVALS } from './resources.ts';

/** The spec of a TagApproval, its texts as somebody wrote them. */
export interface ApprovalSpec {
  readonly name: string;
  readonly reference: string;
  readonly fromDigest?: string;
  readonly toDigest: string;
  readonly reason: string;
  readonly requestedBy?: string;
}

/** What stands in the status of a TagApproval. */
export interface ApprovalStatus {
  readonly phase: (typeof PHASES)[number];
  readonly generation?: number;
  readonly message: string;
}

/** An approval that has not been answered for good, or undefined. */
export function pendingApproval({ metadata, spec, status }: KubeObject): ApprovalSpec | undefined {
  const phase = fieldsOf(status)['phase'];
  if (phase === 'Accepted' || phase === 'Refused' || metadata.deletionTimestamp !== undefined)
    return undefined;
  const fields = fieldsOf(spec);
  const text = (field: string) => textOf(fields[field]) ?? '';
  const fromDigest = textOf(fields['fromDigest']);
  const requestedBy = textOf(fields['requestedBy']);
  return {
    name: metadata.name,
    reference: text('reference'),
    toDigest: text('toDigest'),
    reason: text('reason'),
    ...(fromDigest !== undefined && { fromDigest }),
    ...(requestedBy !== undefined && { requestedBy }),
  };
}

/** The resource to create. */
export function approvalObject(name: string, spec: Omit<ApprovalSpec, 'name' | 'requestedBy'>): KubeObject {
  return { apiVersion: API_VERSION, kind: 'TagApproval', metadata: { name }, spec };
}

const PHASES = ['Accepted', 'Refused', 'Pending'] as const;

/** How it was answered, or undefined. */
export function approvalStatus({ status }: KubeObject): ApprovalStatus | undefined {
  const fields = fieldsOf(status);
  const phase = PHASES.find((known) => known === fields['phase']);
  if (phase === undefined) return undefined;
  const { generation } = fields;
  return {
    phase,
    message: textOf(fields['message']) ?? '',
    ...(typeof generation === 'number' && { generation }),
  };
}

/** Writes the answer into the status of the approval of that name, if it is still there. Throws KUBERNETES_*. */
export async function answerApproval(
  api: KubeApi,
  name: string,
  status: ApprovalStatus,
  signal: AbortSignal,
): Promise<void> {
  await api.mergePatch(TAG_APPROVALS, name, { status }, signal, 'status');
}

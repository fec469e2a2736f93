import { randomUUID } from 'node:crypto';
import { pause } from '../../cache/pause.ts';
import type { ApprovalSeen, ApprovalWish } from '../../cli/kubectl/ports.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { KubeApi } from '../../kube/api.ts';
import { approvalObject, approvalStatus } from '../../kube/approval-object.ts';
import { TAG_APPROVALS } from '../../kube/resources.ts';

const ASK_EVERY_MS = 500;
const SLUG_LENGTH = 40;

/** Makes a TagApproval, and tells each answer to it until one is final. Throws KUBERNETES_*. */
export async function* approve(
  api: Pick<KubeApi, 'create' | 'get'>,
  { reference, digest, reason, from }: ApprovalWish,
  signal: AbortSignal,
): AsyncGenerator<ApprovalSeen> {
  const name = `${slugOf(reference.canonical)}-${randomUUID().slice(0, 8)}`;
  const spec = { reference: reference.canonical, toDigest: digest, reason };
  const made = await api.create(
    TAG_APPROVALS,
    approvalObject(name, { ...spec, ...(from !== undefined && { fromDigest: from }) }),
    signal,
  );
  if (made === 'exists') throw taken(name);
  let seen: ApprovalSeen = { name };
  yield seen;
  for (;;) {
    await pause(ASK_EVERY_MS, signal);
    const object = await api.get(TAG_APPROVALS, name, signal);
    if (object === undefined) throw gone(name);
    const status = approvalStatus(object);
    if (status === undefined) continue;
    const isNews = status.phase !== seen.phase || status.message !== seen.message;
    seen = { name, ...status };
    if (isNews) yield seen;
    if (status.phase !== 'Pending') return;
  }
}

/** `ghcr.io/acme/api:1.4.2` -> `api-1-4-2`: what a person sees in a list. */
function slugOf(canonical: string): string {
  const last = canonical.slice(canonical.lastIndexOf('/') + 1).toLowerCase();
  return last
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_LENGTH)
    .replaceAll(/^-+|-+$/g, '');
}

function gone(name: string): AppError {
  return new AppError({
    code: 'KUBERNETES_REFUSED',
    message: `the TagApproval ${quote(name)} was deleted before it was answered; look at kubectl tagseal history, and accept again`,
  });
}

function taken(name: string): AppError {
  return new AppError({
    code: 'KUBERNETES_UNAVAILABLE',
    message: `cannot make the TagApproval ${quote(name)}: there is one of that name; try again`,
  });
}

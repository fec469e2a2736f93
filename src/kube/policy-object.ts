import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, listOf, textOf } from './fields.ts';
import { TAG_POLICIES } from './resources.ts';

/** What the status of a TagPolicy says: whether its spec of that generation counts, and if not why. */
export interface PolicyState {
  readonly name: string;
  readonly generation: number;
  readonly problem?: string;
}

const TYPE = 'Ready';
/** Of a problem. */
export const MAX_PROBLEM_LENGTH = 1_000;

/** What it says already; undefined where nothing was said yet. */
export function policyStatus({ metadata: { name }, status }: KubeObject): PolicyState | undefined {
  const fields = fieldsOf(status);
  const ready = listOf(fields['conditions'])
    .map(fieldsOf)
    .find(({ type }) => type === TYPE);
  const generation = ready?.['observedGeneration'];
  if (ready === undefined || typeof generation !== 'number') return undefined;
  const problem = ready['status'] === 'True' ? undefined : (textOf(ready['message']) ?? '');
  return { name, generation, ...(problem !== undefined && { problem }) };
}

/** Writes the condition `Ready` (metav1.Condition). Throws KUBERNETES_*. */
export async function tellPolicy(
  { api, now }: { readonly api: KubeApi; readonly now: number },
  { name, generation, problem }: PolicyState,
  signal: AbortSignal,
): Promise<void> {
  const condition = {
    type: TYPE,
    status: problem === undefined ? 'True' : 'False',
    reason: problem === undefined ? 'Accepted' : 'Invalid',
    message: problem === undefined ? 'it counts' : problem,
    observedGeneration: generation,
    lastTransitionTime: new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z'),
  };
  await api.mergePatch(TAG_POLICIES, name, { status: { conditions: [condition] } }, signal, 'status');
}

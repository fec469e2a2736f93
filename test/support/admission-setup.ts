import { makeHandleReview, type AdmissionOptions, type HandleReview } from '../../src/admission/handler.ts';
import type { AnyDoor } from '../../src/admission/outcome.ts';
import { makeCheckWorkload } from '../../src/check/check-workload.ts';
import type { CheckImage } from '../../src/check/verdict.ts';
import { makeObserved, type Observed } from './observed.ts';

export const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';

export interface PatchOperation {
  readonly op: string;
  readonly path: string;
  readonly value: string;
}

export interface AdmissionAnswer {
  readonly httpStatus: number;
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly patchType?: string;
  readonly patch?: readonly PatchOperation[];
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly status?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly details?: {
      readonly retryAfterSeconds?: number;
      readonly causes?: readonly {
        readonly field: string;
        readonly reason: string;
        readonly message: string;
      }[];
    };
  };
}

export interface AdmissionSetup extends Observed {
  readonly handleReview: HandleReview;
  readonly ask: (door: AnyDoor, review: unknown) => Promise<AdmissionAnswer>;
}

export type ClusterParts = Partial<
  Pick<AdmissionOptions, 'namespaces' | 'pullSecrets' | 'loops' | 'workloads' | 'maxWaiting'>
>;

export function admissionSetup(
  checkImage: CheckImage,
  change: 'warn' | 'deny' | ClusterParts = 'warn',
): AdmissionSetup {
  const observed = makeObserved();
  const parts = typeof change === 'string' ? { workloads: change } : change;
  const handleReview = makeHandleReview({
    ...observed,
    workloads: 'warn',
    ...parts,
    checkWorkload: makeCheckWorkload(checkImage),
  });
  return {
    ...observed,
    handleReview,
    async ask(door, review) {
      const bytes = Buffer.from(JSON.stringify(review));
      const { status, body } = await handleReview(door, bytes, `/${door}?timeout=10s`);
      return readAnswer(status, body);
    },
  };
}

export function readAnswer(httpStatus: number, body: string): AdmissionAnswer {
  const { response } = JSON.parse(body) as {
    response?: Omit<AdmissionAnswer, 'httpStatus' | 'patch'> & { patch?: string };
  };
  if (response === undefined) return { httpStatus };
  const { patch, ...rest } = response;
  if (patch === undefined) return { ...rest, httpStatus };
  return {
    ...rest,
    httpStatus,
    patch: JSON.parse(Buffer.from(patch, 'base64').toString()) as PatchOperation[],
  };
}

export type Json = Readonly<Record<string, unknown>>;

export function reviewOf(change: Json): Json {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: UID,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'shop',
      name: 'app',
      dryRun: false,
      oldObject: null,
      ...change,
    },
  };
}

export function pod(spec: Json, metadata: Json = {}): Json {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app', ...metadata }, spec };
}

/** A Pod with these images in containers c0, c1, … */
export function podWith(...images: readonly string[]): Json {
  return pod({ containers: images.map((image, i) => ({ name: `c${i}`, image })) });
}

/** What the API server would store: the object with the patch applied. Throws when a `test` fails. */
export function applyPatch(object: Json, patch: readonly PatchOperation[] = []): Json {
  const copy = structuredClone(object) as Record<string, unknown>;
  for (const { op, path, value } of patch) {
    const steps = path.slice(1).split('/');
    const last = steps.pop() ?? '';
    let at = copy;
    for (const step of steps) at = at[step] as Record<string, unknown>;
    if (op === 'test' && at[last] !== value) throw new Error(`test of ${path} fails`);
    if (op === 'replace') {
      if (!(last in at)) throw new Error(`${path} is missing`);
      at[last] = value;
    }
  }
  return copy;
}

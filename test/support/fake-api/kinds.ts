/** A kind of object that the fake API server serves. */
export interface FakeKind {
  /** `apis/tagseal.dev/v1alpha1/tagrecords` or `api/v1/secrets`. */
  readonly path: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Whether `status` is written through its own path alone. */
  readonly statusSubresource: boolean;
  /** Of custom resources, which also want a resourceVersion in every PUT. */
  readonly custom: boolean;
  /** Fields that a field selector may name, besides name and namespace. */
  readonly selectableFields: readonly string[];
}

const plain = { statusSubresource: false, custom: false, selectableFields: [] };
const inNamespace = (path: string, kind: string): FakeKind => ({ ...plain, path, kind, namespaced: true });

export const FAKE_KINDS: readonly FakeKind[] = [
  inNamespace('api/v1/secrets', 'Secret'),
  inNamespace('api/v1/configmaps', 'ConfigMap'),
  inNamespace('api/v1/serviceaccounts', 'ServiceAccount'),
  inNamespace('api/v1/pods', 'Pod'),
  inNamespace('apis/coordination.k8s.io/v1/leases', 'Lease'),
  inNamespace('apis/events.k8s.io/v1/events', 'Event'),
  { ...plain, path: 'api/v1/namespaces', kind: 'Namespace', namespaced: false },
  {
    ...plain,
    path: 'apis/tagseal.dev/v1alpha1/tagrecords',
    kind: 'TagRecord',
    namespaced: false,
    custom: true,
    selectableFields: [
      'spec.claimId',
      'spec.generation',
      'spec.registry',
      'spec.repository',
      'spec.tag',
      'spec.digest',
      'status.phase',
    ],
  },
  ...(['TagPolicy', 'TagApproval'] as const).map((kind) => ({
    path: `apis/tagseal.dev/v1alpha1/${kind === 'TagPolicy' ? 'tagpolicies' : 'tagapprovals'}`,
    kind,
    namespaced: false,
    statusSubresource: true,
    custom: true,
    selectableFields: [],
  })),
];

/** `apis/…/tagrecords` as `tagseal.dev/v1alpha1`, `api/v1/secrets` as `v1`. */
export function apiVersionOf({ path }: FakeKind): string {
  return path.split('/').slice(1, -1).join('/');
}

import { parseAllDocuments, stringify, type Document } from 'yaml';

/** Where the plain manifests put everything. */
export const NAMESPACE = 'tagseal-system';

/** The files of manifests/ that are rendered from the chart, with the values that differ from the defaults. */
export const MANIFESTS: Readonly<Record<string, readonly string[]>> = {
  'install.yaml': [],
  'install-cert-manager.yaml': ['webhook.tls.mode=cert-manager'],
};

/** Arguments of helm (3 or 4) that render one of them. */
export function helmArguments(chart: string, values: readonly string[]): readonly string[] {
  const sets = values.flatMap((value) => ['--set', value]);
  return [
    'template',
    'tagseal',
    chart,
    ...['--namespace', NAMESPACE, '--kube-version', '1.37.0', '--no-hooks'],
    ...sets,
  ];
}

/** What must be there first comes first; webhooks come last, when somebody answers them. */
const ORDER = [
  'Namespace',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Service',
  'Issuer',
  'Certificate',
  'PodDisruptionBudget',
  'Deployment',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
];

/** Helm's output as one file for `kubectl apply --server-side`. Throws at a kind without a place. */
export function toManifest(rendered: string): string {
  const documents = parseAllDocuments(rendered).filter(({ contents }) => contents !== null);
  const placed = documents.map((document, at) => ({ document, at, place: placeOf(document) }));
  const sorted = placed.toSorted((a, b) => a.place - b.place || a.at - b.at);
  return [
    '# Rendered from charts/tagseal by: npm run manifests\n',
    namespaceText(),
    ...sorted.map(({ document }) => textOf(document)),
  ].join('---\n');
}

function placeOf(document: Document): number {
  const kind = String(document.get('kind'));
  const place = ORDER.indexOf(kind);
  if (place === -1) throw new Error(`no place for a ${kind} in manifests/: add it to the order`);
  return place;
}

/** Helm has no part in what is applied by kubectl. */
const OF_HELM = new Set(['app.kubernetes.io/managed-by', 'helm.sh/chart', 'helm.sh/resource-policy']);

function textOf(document: Document): string {
  const object: unknown = JSON.parse(
    JSON.stringify(document.toJS(), (key, value: unknown) => (OF_HELM.has(key) ? undefined : value)),
  );
  // kubectl reads YAML 1.1, in which a bare `off` is false
  return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' });
}

function namespaceText(): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: NAMESPACE,
      labels: {
        'app.kubernetes.io/part-of': 'tagseal',
        'pod-security.kubernetes.io/enforce': 'restricted',
      },
    },
  });
}

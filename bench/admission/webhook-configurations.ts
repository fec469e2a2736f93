export interface WebhookPlace {
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  /** Label of the namespaces that it is for. */
  readonly label: string;
}

/** Both webhooks for Pods, as the chart has them, at an address of loopback. */
export function webhookConfigurations({ port, ca, label }: WebhookPlace): readonly object[] {
  const webhook = (path: string) => ({
    clientConfig: {
      url: `https://127.0.0.1:${port}${path}`,
      caBundle: Buffer.from(ca).toString('base64'),
    },
    admissionReviewVersions: ['v1'],
    sideEffects: 'NoneOnDryRun',
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    timeoutSeconds: 10,
    namespaceSelector: { matchExpressions: [{ key: label, operator: 'Exists' }] },
    rules: [
      {
        apiGroups: [''],
        apiVersions: ['v1'],
        operations: ['CREATE', 'UPDATE'],
        resources: ['pods', 'pods/ephemeralcontainers'],
      },
    ],
  });
  const of = (kind: string, hook: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: 'bench' },
    webhooks: [hook],
  });
  return [
    of('Mutating', {
      name: 'mutate.bench.tagseal.dev',
      reinvocationPolicy: 'IfNeeded',
      ...webhook('/mutate'),
    }),
    of('Validating', { name: 'validate.bench.tagseal.dev', ...webhook('/validate') }),
  ];
}

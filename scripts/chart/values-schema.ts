import { configSchema } from './config-schema.ts';
import {
  anyObject,
  duration,
  flag,
  names,
  objects,
  oneOf,
  own,
  text,
  texts,
  whole,
  type Schema,
} from './schema-parts.ts';

const port = whole(1, 65_535);
const replicas = whole(0, 100);
/** A count, or a share such as `25%`. */
const budget: Schema = { type: ['integer', 'string'], minimum: 0, pattern: '^[0-9]{1,3}%$' };

/** For all roles, and for each of them. */
const podSettings: Readonly<Record<string, Schema>> = {
  resources: anyObject,
  podSecurityContext: anyObject,
  securityContext: anyObject,
  nodeSelector: texts,
  tolerations: objects,
  affinity: anyObject,
  topologySpreadConstraints: objects,
  priorityClassName: text,
  podAnnotations: texts,
  podLabels: texts,
  extraEnv: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: text } } },
  extraVolumes: objects,
  extraVolumeMounts: objects,
  extraArgs: { type: 'array', items: text },
  terminationGracePeriodSeconds: whole(0, 3600),
};

const everyRole: Readonly<Record<string, Schema>> = {
  enabled: flag,
  replicaCount: replicas,
  podDisruptionBudget: own({ enabled: flag, maxUnavailable: budget }),
  serviceAccount: own({ create: flag, name: text, annotations: texts }),
  ...podSettings,
};

const autoscaling = own({
  enabled: flag,
  minReplicas: whole(1, 100),
  maxReplicas: whole(1, 100),
  targetCPUUtilizationPercentage: whole(1, 1000),
});

const webhook = own({
  ...everyRole,
  autoscaling,
  failurePolicy: oneOf('Fail', 'Ignore'),
  mutation: own({ enabled: flag }),
  timeoutSeconds: whole(1, 30),
  validateTimeoutSeconds: whole(1, 30),
  reinvocationPolicy: oneOf('IfNeeded', 'Never'),
  namespaceSelector: own({ matchLabels: texts, matchExpressions: objects }),
  excludedNamespaces: names,
  objectSelector: own({ matchLabels: texts, matchExpressions: objects }),
  matchConditions: {
    type: 'array',
    maxItems: 63,
    items: { ...own({ name: text, expression: text }), required: ['name', 'expression'] },
  },
  annotations: texts,
  hostNetwork: flag,
  tls: own({
    mode: oneOf('self', 'cert-manager', 'existingSecret'),
    existingSecret: text,
    caBundle: text,
    certManager: own({
      issuerRef: own({ name: text, kind: text, group: text }),
      duration,
      renewBefore: duration,
    }),
  }),
  service: own({ annotations: texts, port }),
});

const proxy = own({
  ...everyRole,
  autoscaling,
  service: own({
    type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'),
    annotations: texts,
    port,
    nodePort: { type: ['integer', 'null'], minimum: 1, maximum: 65_535 },
  }),
});

const monitor = own({ enabled: flag, interval: duration, labels: texts });

const metrics = own({
  serviceMonitor: monitor,
  podMonitor: monitor,
  prometheusRule: own({ enabled: flag, labels: texts }),
  grafanaDashboard: own({ enabled: flag, labels: texts }),
});

const networkPolicy = own({
  enabled: flag,
  webhookFrom: objects,
  proxyFrom: objects,
  metricsFrom: objects,
  egress: own({ enabled: flag, ports: { type: 'array', items: port }, extra: objects }),
});

/** JSON Schema of the chart's values; draft 7, which helm 3 and 4 both know. */
export function valuesSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart tagseal',
    ...own({
      // other charts put their own keys there
      global: { type: 'object', properties: { imageRegistry: text, imagePullSecrets: objects } },
      nameOverride: text,
      fullnameOverride: { type: 'string', pattern: '^([a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?)?$' },
      namespaceOverride: text,
      commonLabels: texts,
      commonAnnotations: texts,
      image: own({
        registry: text,
        repository: { type: 'string', minLength: 1 },
        tag: text,
        digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
        pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
      }),
      config: configSchema(),
      files: texts,
      keys: own({ existingSecret: text, signerKey: text, blindingKey: text }),
      keyless: own({ audience: text, expirationSeconds: whole(600, 86_400) }),
      registryCredentials: own({ existingSecret: text }),
      secretAccess: own({ scope: oneOf('none', 'namespaces', 'cluster'), namespaces: names }),
      crds: own({ enabled: flag, keep: flag }),
      rbac: own({ create: flag, humanRoles: flag }),
      webhook,
      controller: own(everyRole),
      proxy,
      ...podSettings,
      revisionHistoryLimit: whole(0, 100),
      networkPolicy,
      metrics,
      validatingAdmissionPolicy: own({
        enabled: flag,
        validationActions: { type: 'array', items: oneOf('Deny', 'Warn', 'Audit'), minItems: 1 },
      }),
      hooks: own({ cleanup: own({ enabled: flag }) }),
      test: own({ enabled: flag, image: { type: 'string', minLength: 1 } }),
    }),
  };
}

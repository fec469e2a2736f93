import type { KnownImage } from './known-images.ts';

/** Bytes of one review that were asked for: real ones of such a Pod have 4 to 22 kB. */
const REVIEW_BYTES = 13_000;
const CREATED = '2026-11-22T20:15:31Z';

/** The AdmissionReview v1 of a Pod CREATE, as a ReplicaSet's Pod comes from an API server: nearly 13 kB for three images. */
export function podReviewBody(number: number, images: readonly KnownImage[]): Buffer {
  const short = JSON.stringify(review(number, images, 0)).length;
  const variable = JSON.stringify(variableOf(0)).length + 1;
  const more = Math.max(0, Math.floor((REVIEW_BYTES - short) / variable));
  return Buffer.from(JSON.stringify(review(number, images, more)));
}

function review(number: number, images: readonly KnownImage[], variables: number) {
  const name = `checkout-7d9c5b8f6d-${number.toString(36).padStart(5, '0')}`;
  const pods = { group: '', version: 'v1', resource: 'pods' };
  const pod = { group: '', version: 'v1', kind: 'Pod' };
  const user = {
    username: 'system:serviceaccount:kube-system:replicaset-controller',
    uid: '6f1f3e0d-1f43-4a1b-9d3c-0d6f3f6e2b11',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': ['JTI=0b1a5c1e-8a3e-4a0f-9f0a-0f4c4ad5b7aa'] },
  };
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: uidOf(number),
      kind: pod,
      resource: pods,
      requestKind: pod,
      requestResource: pods,
      name,
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: user,
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: metadata(name, images.length),
        spec: spec(images, variables),
        status: {},
      },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
}

export function uidOf(number: number): string {
  return `8f2b64a1-5c0e-4d6f-9a37-${number.toString(16).padStart(12, '0')}`;
}

function metadata(name: string, containers: number) {
  return {
    name,
    generateName: 'checkout-7d9c5b8f6d-',
    namespace: 'shop',
    uid: 'c9a0b9f6-6a58-4a6b-8f0e-7f2a6d1d9e21',
    creationTimestamp: CREATED,
    labels: {
      app: 'checkout',
      'app.kubernetes.io/name': 'checkout',
      'app.kubernetes.io/part-of': 'shop',
      'pod-template-hash': '7d9c5b8f6d',
    },
    annotations: {
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '9102',
      'checksum/config': '5d41402abc4b2a76b9719d911017c592ae1f7e7a2b6e2a9f4d1f0c3f5f3e9a10',
    },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'checkout-7d9c5b8f6d',
        uid: '0f6b1c52-40f1-4d8f-8a41-92b6d7a4f1f7',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        time: CREATED,
        fieldsType: 'FieldsV1',
        fieldsV1: managedFields(containers),
      },
    ],
  };
}

function managedFields(containers: number) {
  const probe = {
    '.': {},
    'f:failureThreshold': {},
    'f:httpGet': { '.': {}, 'f:path': {}, 'f:port': {}, 'f:scheme': {} },
    'f:periodSeconds': {},
    'f:successThreshold': {},
    'f:timeoutSeconds': {},
  };
  const container = {
    '.': {},
    'f:env': { '.': {}, 'k:{"name":"LOG_LEVEL"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
    'f:image': {},
    'f:imagePullPolicy': {},
    'f:livenessProbe': probe,
    'f:name': {},
    'f:ports': { '.': {}, 'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, 'f:name': {} } },
    'f:readinessProbe': probe,
    'f:resources': {
      '.': {},
      'f:limits': { '.': {}, 'f:memory': {} },
      'f:requests': { '.': {}, 'f:cpu': {} },
    },
    'f:securityContext': {
      '.': {},
      'f:allowPrivilegeEscalation': {},
      'f:capabilities': { '.': {}, 'f:drop': {} },
    },
    'f:terminationMessagePath': {},
    'f:volumeMounts': { '.': {}, 'k:{"mountPath":"/etc/app"}': { '.': {}, 'f:mountPath': {}, 'f:name': {} } },
  };
  const names = Array.from({ length: containers }, (_, i) => [`k:{"name":"c${i}"}`, container] as const);
  return {
    'f:metadata': {
      'f:annotations': { '.': {} },
      'f:generateName': {},
      'f:labels': { '.': {}, 'f:app': {} },
    },
    'f:spec': {
      'f:containers': Object.fromEntries(names),
      'f:dnsPolicy': {},
      'f:restartPolicy': {},
      'f:schedulerName': {},
      'f:volumes': { '.': {}, 'k:{"name":"config"}': { '.': {}, 'f:configMap': {}, 'f:name': {} } },
    },
  };
}

function spec(images: readonly KnownImage[], variables: number) {
  return {
    volumes: [
      { name: 'config', configMap: { name: 'checkout', defaultMode: 420 } },
      { name: 'cache', emptyDir: { sizeLimit: '256Mi' } },
      {
        name: 'kube-api-access-x7v2k',
        projected: {
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          ],
          defaultMode: 420,
        },
      },
    ],
    containers: images.map(({ text }, i) => container(text, i, Math.ceil((variables - i) / images.length))),
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'checkout',
    serviceAccount: 'checkout',
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    schedulerName: 'default-scheduler',
    tolerations: [
      {
        key: 'node.kubernetes.io/not-ready',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      },
      {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      },
    ],
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
  };
}

function container(image: string, i: number, variables: number) {
  return {
    name: `c${i}`,
    image,
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    env: [
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
      ...Array.from({ length: Math.max(0, variables) }, (_, v) => variableOf(v)),
    ],
    resources: { limits: { memory: '256Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
    volumeMounts: [
      { name: 'config', readOnly: true, mountPath: '/etc/app' },
      { name: 'cache', mountPath: '/var/cache/app' },
      {
        name: 'kube-api-access-x7v2k',
        readOnly: true,
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      },
    ],
    livenessProbe: probe('/healthz', 10),
    readinessProbe: probe('/readyz', 5),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}

function probe(path: string, periodSeconds: number) {
  return {
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds,
    successThreshold: 1,
    failureThreshold: 3,
  };
}

function variableOf(v: number) {
  const number = String(v).padStart(3, '0');
  return {
    name: `UPSTREAM_${number}_URL`,
    value: `http://upstream-${number}.shop.svc.cluster.local:8080/v1`,
  };
}

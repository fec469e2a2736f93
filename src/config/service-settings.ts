import * as z from 'zod/mini';
import { PUBLIC_REGISTRIES } from '../reference/public-registries.ts';
import { PROXY_SETTINGS } from './proxy-setting-list.ts';
import type { Setting } from './setting.ts';
import {
  mirrorMap,
  text,
  dnsLabel,
  listen,
  hosts,
  flag,
  list,
  wholeNumber,
  oneOf,
} from './setting-schemas.ts';

/** The store, the registries and the doors. */
export const SERVICE_SETTINGS: readonly Setting[] = [
  {
    path: 'store.kind',
    schema: oneOf('directory', 'postgres', 'kubernetes'),
    default: 'directory',
    about:
      'Where records are kept; see docs/stores.md. `kubernetes`: as TagRecord resources, and with them TagPolicy resources, the mode labels of namespaces and keys made on first start belong to the cluster.',
  },
  {
    path: 'store.url',
    schema: text,
    isSecret: true,
    about:
      '`postgres://user:password@host:5432/database?sslmode=verify-full`. TLS is verified unless the server is on this machine.',
  },
  {
    path: 'store.caFile',
    schema: text,
    about: 'PEM certificates to trust for the database server, instead of the public ones.',
  },
  {
    path: 'store.maxConnections',
    schema: wholeNumber(1, 1000),
    about: 'Connections of this process to the database, at most. Default: 10.',
  },
  {
    path: 'kubernetes.kubeconfigFile',
    schema: text,
    about:
      'For `store.kind: kubernetes`. Default: `$KUBECONFIG`, else in a Pod its service account, else `~/.kube/config`.',
  },
  {
    path: 'kubernetes.namespace',
    schema: dnsLabel,
    about:
      'Where keys, state and leases are kept. Default: the namespace of the Pod or of the kubeconfig’s context.',
  },
  {
    path: 'kubernetes.name',
    schema: dnsLabel,
    default: 'tagseal',
    about:
      'Begins the names of what Tagseal keeps there (Secrets `<name>-keys` and `<name>-ca`, ConfigMaps `<name>-state-…`, Lease `<name>-controller`) and names its webhook configurations.',
  },
  {
    path: 'registries.allow',
    schema: hosts,
    default: [...PUBLIC_REGISTRIES],
    about: 'Registries that the proxy serves; also names private ones that may be dialled.',
  },
  {
    path: 'registries.plainHttp',
    schema: hosts,
    default: [],
    about: 'Registries that are spoken to over plain HTTP.',
  },
  {
    path: 'registries.credentialsFile',
    schema: text,
    about: 'Docker `config.json` with credentials. Default: `~/.docker/config.json` if it is there.',
  },
  {
    path: 'registries.ambientCredentials',
    schema: list(oneOf('aws', 'azure', 'google'), 3),
    default: [],
    about:
      'Clouds whose registries (ECR, ACR, Artifact Registry) are shown the identity of this machine or workload, where `credentialsFile` has nothing for them.',
  },
  {
    path: 'registries.mirrors',
    schema: mirrorMap,
    default: {},
    about:
      'Where manifests and blobs of a registry are looked for before the registry itself: `{docker.io: [https://mirror.gcr.io]}`. A path stands before the repository.',
  },
  {
    path: 'registries.caFile',
    schema: text,
    about: 'PEM certificates to trust for registries, besides the public ones.',
  },
  {
    path: 'policies',
    schema: list(z.unknown(), 100),
    default: [{ match: { images: ['**'] }, mode: 'enforce' }],
    about: 'Rules; the first that matches decides. See docs/policies.md.',
  },
  {
    path: 'admission.enabled',
    schema: flag,
    default: true,
    about: 'Whether `serve` runs the admission webhook.',
  },
  {
    path: 'admission.listen',
    schema: listen,
    default: '127.0.0.1:8443',
    about: 'Address of the webhook, HTTPS.',
  },
  {
    path: 'admission.tls.mode',
    schema: oneOf('self', 'files', 'cluster'),
    default: 'self',
    about:
      '`self`: own CA, its certificate is written to dataDir; `files`: certFile and keyFile, read again when they change; `cluster`: own CA in the Secret `<kubernetes.name>-ca`, a certificate of its own for each replica.',
  },
  { path: 'admission.tls.certFile', schema: text, about: 'Serving certificate chain, PEM.' },
  { path: 'admission.tls.keyFile', schema: text, about: 'Its private key, PEM.' },
  {
    path: 'admission.tls.lifetimeSeconds',
    schema: wholeNumber(5, 31_536_000),
    about:
      'How long a certificate made for `cluster` is valid; renewed at two thirds. Default: 604800, seven days.',
  },
  {
    path: 'admission.serviceName',
    schema: dnsLabel,
    about:
      'Service by which the API server calls the webhook, for `cluster`. Default: `<kubernetes.name>-webhook`.',
  },
  {
    path: 'admission.pullSecrets',
    schema: flag,
    default: false,
    about:
      'Whether registries are asked with the pull secrets of the Pod and of its service account; with `store.kind: kubernetes`.',
  },
  {
    path: 'admission.workloads',
    schema: oneOf('warn', 'deny'),
    default: 'warn',
    about: 'What `/warn` does with a Deployment whose tag has moved.',
  },
  {
    path: 'admission.loopDetector',
    schema: oneOf('warn', 'none'),
    default: 'warn',
    about:
      'Whether operators are told that make the same Pod again and again, since they find another image in it than they wrote.',
  },
  ...PROXY_SETTINGS,
  {
    path: 'controller.enabled',
    schema: flag,
    default: false,
    about:
      'Whether `serve` runs the controller: CA and `caBundle`, approvals, left-over reservations, the scan of running Pods; with `store.kind: kubernetes`. One of several replicas leads.',
  },
  {
    path: 'controller.scan',
    schema: flag,
    default: true,
    about:
      'Whether the controller compares running Pods with the records, and the records with the registries.',
  },
  {
    path: 'controller.scanEverySeconds',
    schema: wholeNumber(10, 86_400),
    default: 600,
    about: 'How often it does.',
  },
  {
    path: 'admin.listen',
    schema: listen,
    default: '127.0.0.1:9090',
    about: 'Address of /metrics, /healthz, /readyz and, with the embedded log, /log.',
  },
  {
    path: 'logLevel',
    schema: oneOf('error', 'warn', 'info', 'debug'),
    default: 'info',
    about: 'What `serve` writes to standard output, one JSON object a line.',
  },
];

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goTool } from '../install.ts';
import type { ClusterAuthority, Subject } from './certificates.ts';
import type { StartedNamespace } from './namespace.ts';
import { startPart, type Part } from './part.ts';

export const NODE = 'node1';

interface NodeRequest {
  readonly folder: string;
  readonly namespace: StartedNamespace;
  readonly authority: ClusterAuthority;
  /** containerd's. */
  readonly socket: string;
  readonly kubeconfigOf: (name: string, subject: Subject) => Promise<string>;
}

/** kubelet of the node `node1`; it registers itself, and is not waited for. */
export async function startKubelet(request: NodeRequest): Promise<Part> {
  const { namespace } = request;
  const folder = join(request.folder, 'kubelet');
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config.json');
  await writeFile(config, JSON.stringify(await configOf(request, folder), null, 2));
  const kubeconfig = await request.kubeconfigOf('kubelet', {
    user: `system:node:${NODE}`,
    group: 'system:nodes',
  });
  return startPart({
    place: namespace,
    command: goTool('kubelet'),
    args: [
      ...[`--config=${config}`, `--kubeconfig=${kubeconfig}`, `--hostname-override=${NODE}`],
      ...[`--root-dir=${join(folder, 'root')}`, `--cert-dir=${join(folder, 'pki')}`],
      `--node-ip=${namespace.address}`,
    ],
    ready: (process) => process.waitFor(/Started kubelet/),
  });
}

async function configOf(request: NodeRequest, folder: string): Promise<object> {
  const { namespace, authority, socket } = request;
  const serving = await authority.issue('kubelet-serving', { user: NODE, serves: [namespace.address, NODE] });
  const resolvConf = join(folder, 'resolv.conf');
  // nobody listens there, so a look-up fails at once
  await writeFile(resolvConf, `nameserver ${namespace.address}\n`);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${namespace.name}`,
    enforceNodeAllocatable: [],
    maxOpenFiles: 20_000,
    oomScoreAdj: 0,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    // a full disk of the test's machine is not its matter
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    containerRuntimeEndpoint: `unix://${socket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: authority.caFile },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certFile,
    tlsPrivateKeyFile: serving.keyFile,
    clusterDNS: [namespace.address],
    resolvConf,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
    staticPodPath: join(folder, 'manifests'),
    // answers within a second to what tests wait for
    syncFrequency: '5s',
    nodeStatusUpdateFrequency: '2s',
    serializeImagePulls: false,
    imagePullCredentialsVerificationPolicy: 'NeverVerify',
    shutdownGracePeriod: '0s',
  };
}

/** kube-proxy in its iptables mode. */
export async function startKubeProxy(request: NodeRequest): Promise<Part> {
  const kubeconfig = await request.kubeconfigOf('kube-proxy', { user: 'system:kube-proxy' });
  return startPart({
    place: request.namespace,
    command: goTool('kubeProxy'),
    args: [
      ...[`--kubeconfig=${kubeconfig}`, `--hostname-override=${NODE}`, '--proxy-mode=iptables'],
      ...[`--cluster-cidr=${request.namespace.podRange}`, '--conntrack-max-per-core=0'],
    ],
    ready: (process) => process.waitFor(/Caches are synced/),
  });
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finished } from '../../../support/start-process.ts';
import { startRegistry, startRekorV2, type StartedRegistry, type StartedRekor } from '../start.ts';
import { until } from '../until.ts';
import { startApiServer } from './api-server.ts';
import { makeClusterAuthority, type Subject } from './certificates.ts';
import { makeClients, type Clients } from './clients.ts';
import { allowPlainHttp, startNodeContainerd, type StartedNodeContainerd } from './containerd.ts';
import { startControllerManager, startScheduler } from './controllers.ts';
import { startEtcd } from './etcd.ts';
import { crane, pushBusybox } from './images.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { startNamespace, type StartedNamespace } from './namespace.ts';
import { NODE, startKubelet, startKubeProxy } from './node.ts';
import type { Part } from './part.ts';

const API_PORT = 6443;
const ETCD_PORT = 2379;
const REGISTRY_PORT = 5000;
const NODE_PATIENCE_MS = 90_000;

export interface ClusterRequest {
  /** For data, certificates and logs; not below /run, /var/lib or /var/log, which the namespace does not see. */
  readonly folder: string;
  /** A private Rekor v2 too. */
  readonly rekor?: boolean;
  /** Says what goes on. */
  readonly say?: (text: string) => void;
}

export interface StartedCluster extends AsyncDisposable, Clients {
  readonly folder: string;
  readonly namespace: StartedNamespace;
  /** `https://address:6443`, from this process, from Pods and from the node alike. */
  readonly server: string;
  readonly caFile: string;
  /** For `system:masters`. */
  readonly kubeconfig: string;
  kubeconfigFor(user: string, group?: string): Promise<string>;
  /** A server of this process that listens at this address is reached by the API server, the node and Pods. */
  readonly hostAddress: string;
  /** The address of the node, of the API server, of the registry and of Rekor. */
  readonly address: string;
  /** busybox that waits; the base of test images. */
  readonly busybox: string;
  readonly registry: StartedRegistry;
  readonly rekor: StartedRekor | undefined;
  readonly etcd: Part;
  readonly apiServer: Part;
  readonly kubelet: Part;
  readonly containerd: StartedNodeContainerd;
  crane(args: readonly string[]): Promise<string>;
  /** Runs a program in the namespace: it has the node's network, mounts and processes. */
  inside(command: string, args: readonly string[]): Promise<Finished>;
}

/**
 * A real one-node Kubernetes in namespaces of its own, with a registry: the node is Ready when this resolves. Needs root.
 * Nothing leaves it. All of it ends with the handle, or with this process in whatever way that ends.
 */
export async function startCluster(request: ClusterRequest): Promise<StartedCluster> {
  const namespace = await startNamespace();
  const parts = new AsyncDisposableStack();
  async function stop(): Promise<void> {
    // first: what containerd started holds on to its output, and ends with the namespace only
    await namespace[Symbol.asyncDispose]();
    await parts.disposeAsync();
  }
  try {
    return { ...(await startParts(request, namespace, parts)), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  { folder, rekor = false, say = () => undefined }: ClusterRequest,
  namespace: StartedNamespace,
  parts: AsyncDisposableStack,
): Promise<Omit<StartedCluster, keyof AsyncDisposable>> {
  const { address, hostAddress } = namespace;
  const certificates = join(folder, 'certificates');
  await mkdir(certificates, { recursive: true });
  const authority = await makeClusterAuthority(certificates);
  const server = `https://${address}:${API_PORT}`;
  const kubeconfigOf = (name: string, subject: Subject) =>
    writeKubeconfig({ folder: certificates, name, server, authority, subject });
  const tokenKeyFile = join(certificates, 'tokens.key');
  const registryHost = `${address}:${REGISTRY_PORT}`;
  const busybox = `${registryHost}/test/busybox:1`;

  say('starting etcd, the API server, a registry and containerd ...');
  const startControl = async () => {
    const etcd = parts.use(
      await startEtcd({ folder, place: namespace, port: ETCD_PORT, peerPort: ETCD_PORT + 1 }),
    );
    const flags = [
      '--bind-address=0.0.0.0',
      `--advertise-address=${address}`,
      '--enable-admission-plugins=NodeRestriction',
    ];
    const place = { folder, place: namespace, authority, port: API_PORT, etcdPort: ETCD_PORT };
    return { etcd, apiServer: parts.use(await startApiServer({ ...place, tokenKeyFile, flags })) };
  };
  const startImages = async () => {
    const containerd = parts.use(await startNodeContainerd({ folder, namespace, sandboxImage: busybox }));
    await allowPlainHttp(containerd.registryHosts, registryHost);
    const at = { place: namespace, port: REGISTRY_PORT };
    const registry = parts.use(await startRegistry(join(folder, 'registry'), at));
    await pushBusybox(busybox);
    return { containerd, registry };
  };
  const startLog = async () =>
    rekor
      ? parts.use(await startRekorV2(join(folder, 'rekor'), { place: namespace, readAddress: hostAddress }))
      : undefined;
  const begun = [startControl(), startImages(), startLog()] as const;
  // when one fails, the others go on: nothing may be started after that which nobody stops
  await Promise.allSettled(begun);
  const [control, images, log] = await Promise.all(begun);

  say('starting controllers, scheduler, kubelet and kube-proxy ...');
  const node = { folder, namespace, authority, socket: images.containerd.socket, tokenKeyFile, kubeconfigOf };
  const others = [
    startControllerManager(node).then((part) => parts.use(part)),
    startScheduler(node).then((part) => parts.use(part)),
    startKubelet(node).then((part) => parts.use(part)),
    startKubeProxy(node).then((part) => parts.use(part)),
  ] as const;
  await Promise.allSettled(others);
  const [, , kubelet] = await Promise.all(others);
  const kubeconfig = await kubeconfigOf('admin', { user: 'admin', group: 'system:masters' });
  const clients = makeClients(folder, kubeconfig);
  await untilNodeIsReady(clients);
  say(`the node is Ready; kubeconfig: ${kubeconfig}`);
  return {
    ...clients,
    ...control,
    ...images,
    folder,
    namespace,
    server,
    caFile: authority.caFile,
    kubeconfig,
    kubeconfigFor: (user, group) =>
      kubeconfigOf(user.replaceAll(/[^a-z0-9-]/g, '-'), { user, ...(group !== undefined && { group }) }),
    hostAddress,
    address,
    busybox,
    rekor: log,
    kubelet,
    crane,
    inside: (command, args) => namespace.run(command, args),
  };
}

async function untilNodeIsReady({ kubectl }: Clients): Promise<void> {
  const wanted = '{.status.conditions[?(@.type=="Ready")].status}';
  const look = () => kubectl(['get', 'node', NODE, '-o', `jsonpath=${wanted}`]);
  await until(look, ({ stdout }) => stdout === 'True', NODE_PATIENCE_MS);
  // Pods are refused before it is there
  const account = () => kubectl(['get', 'serviceaccount', 'default']);
  await until(account, ({ code }) => code === 0, NODE_PATIENCE_MS);
}

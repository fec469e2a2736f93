import { goTool } from '../install.ts';
import { SERVICE_RANGE } from './api-server.ts';
import type { ClusterAuthority, Subject } from './certificates.ts';
import type { StartedNamespace } from './namespace.ts';
import { startPart, type Part } from './part.ts';

export interface ControllersRequest {
  readonly namespace: StartedNamespace;
  readonly authority: ClusterAuthority;
  readonly tokenKeyFile: string;
  readonly kubeconfigOf: (name: string, subject: Subject) => Promise<string>;
}

/** kube-controller-manager, the only one: it elects nobody. */
export async function startControllerManager(request: ControllersRequest): Promise<Part> {
  const { namespace, authority, tokenKeyFile, kubeconfigOf } = request;
  const name = 'kube-controller-manager';
  const kubeconfig = await kubeconfigOf(name, { user: `system:${name}` });
  return startPart({
    place: namespace,
    command: goTool('kubeControllerManager'),
    args: [
      ...[`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--use-service-account-credentials'],
      ...[`--service-account-private-key-file=${tokenKeyFile}`, `--root-ca-file=${authority.caFile}`],
      ...['--allocate-node-cidrs', `--cluster-cidr=${namespace.podRange}`],
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
    ],
    ready: (process) => process.waitFor(/Serving securely/),
  });
}

/** kube-scheduler, the only one. */
export async function startScheduler({ namespace, kubeconfigOf }: ControllersRequest): Promise<Part> {
  const kubeconfig = await kubeconfigOf('kube-scheduler', { user: 'system:kube-scheduler' });
  return startPart({
    place: namespace,
    command: goTool('kubeScheduler'),
    args: [`--kubeconfig=${kubeconfig}`, '--leader-elect=false'],
    ready: (process) => process.waitFor(/Serving securely/),
  });
}

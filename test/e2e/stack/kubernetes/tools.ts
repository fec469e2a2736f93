import type { GoTool } from '../tools.ts';

const VERSION = 'v1.37.2';
const [MAJOR = '', MINOR = ''] = VERSION.slice(1).split('.');
const BUILD_DATE = '2026-01-01T00:00:00Z';

const COMPONENTS = {
  kubeApiserver: 'kube-apiserver',
  kubeControllerManager: 'kube-controller-manager',
  kubeScheduler: 'kube-scheduler',
  kubelet: 'kubelet',
  kubeProxy: 'kube-proxy',
  kubectl: 'kubectl',
} as const;

export type KubernetesToolName = keyof typeof COMPONENTS | 'etcd' | 'containerd' | 'shim' | 'helm4' | 'helm3';

/** What a one-node Kubernetes is made of, and its clients. */
export const KUBERNETES_TOOLS: Readonly<Record<KubernetesToolName, GoTool>> = {
  kubeApiserver: component(COMPONENTS.kubeApiserver),
  kubeControllerManager: component(COMPONENTS.kubeControllerManager),
  kubeScheduler: component(COMPONENTS.kubeScheduler),
  kubelet: component(COMPONENTS.kubelet),
  kubeProxy: component(COMPONENTS.kubeProxy),
  kubectl: component(COMPONENTS.kubectl),
  etcd: {
    name: 'etcd',
    version: 'v3.6.6',
    package: 'go.etcd.io/etcd/server/v3',
    program: 'etcd',
    replacing: { module: 'go.etcd.io/etcd/server/v3' },
  },
  containerd: containerd('containerd', 'containerd'),
  shim: containerd('containerd-shim', 'containerd-shim-runc-v2'),
  helm4: { name: 'helm-4', version: 'v4.2.4', package: 'helm.sh/helm/v4/cmd/helm', program: 'helm' },
  helm3: { name: 'helm-3', version: 'v3.21.4', package: 'helm.sh/helm/v3/cmd/helm', program: 'helm' },
};

function component(name: string): GoTool {
  return {
    name,
    version: VERSION,
    package: `k8s.io/kubernetes/cmd/${name}`,
    program: name,
    replacing: { module: 'k8s.io/kubernetes', siblings: VERSION.replace(/^v1\./, 'v0.') },
    // without them it says v0.0.0, and clients misbehave
    variables: ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
      `${path}.gitVersion=${VERSION}`,
      `${path}.gitMajor=${MAJOR}`,
      `${path}.gitMinor=${MINOR}`,
      `${path}.gitTreeState=clean`,
      `${path}.buildDate=${BUILD_DATE}`,
    ]),
  };
}

function containerd(name: string, program: string): GoTool {
  return {
    name,
    version: 'v2.2.1',
    package: `github.com/containerd/containerd/v2/cmd/${program}`,
    program,
    tags: 'no_btrfs no_devmapper no_zfs',
  };
}

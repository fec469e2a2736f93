// The real programs of the e2e suites, each at an exact version. Go programs are built by the Go toolchain from the
// module proxy; the others are Debian packages.

import { KUBERNETES_TOOLS, type KubernetesToolName } from './kubernetes/tools.ts';

/** A module whose go.mod replaces others by folders beside it. */
export interface Replacing {
  readonly module: string;
  /** The version at which those others are published; without it the go.mod names their versions itself. */
  readonly siblings?: string;
}

export interface GoTool {
  readonly name: string;
  readonly version: string;
  /** The main package. */
  readonly package: string;
  /** The program's name as `go install` writes it. */
  readonly program: string;
  readonly tags?: string;
  readonly replacing?: Replacing;
  /** Values that the linker sets, of tools with `replacing`. */
  readonly variables?: readonly string[];
}

export type GoToolName =
  | KubernetesToolName
  | 'crane'
  | 'registry'
  | 'ctr'
  | 'oras'
  | 'rekorV2'
  | 'rekorV1'
  | 'rekorCli'
  | 'trillianLogServer'
  | 'trillianLogSigner'
  | 'cosign'
  | 'fulcio'
  | 'timestampServer'
  | 'conformance';

export const GO_TOOLS: Readonly<Record<GoToolName, GoTool>> = {
  ...KUBERNETES_TOOLS,
  crane: {
    name: 'crane',
    version: 'v0.22.1',
    package: 'github.com/google/go-containerregistry/cmd/crane',
    program: 'crane',
  },
  registry: {
    name: 'registry',
    version: 'v3.1.2',
    package: 'github.com/distribution/distribution/v3/cmd/registry',
    program: 'registry',
  },
  // Debian's ctr 1.6 prints only the status of a refused HEAD; this one prints the registry's words
  ctr: {
    name: 'ctr',
    version: 'v2.4.2',
    package: 'github.com/containerd/containerd/v2/cmd/ctr',
    program: 'ctr',
    tags: 'no_btrfs no_devmapper no_zfs',
  },
  oras: {
    name: 'oras',
    version: 'v1.3.6',
    package: 'oras.land/oras/cmd/oras',
    program: 'oras',
  },
  rekorV2: {
    name: 'rekor-v2',
    version: 'v2.3.0',
    package: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix',
    program: 'posix',
  },
  rekorV1: {
    name: 'rekor-v1',
    version: 'v1.5.4',
    package: 'github.com/sigstore/rekor/cmd/rekor-server',
    program: 'rekor-server',
  },
  rekorCli: {
    name: 'rekor-cli',
    version: 'v1.5.4',
    package: 'github.com/sigstore/rekor/cmd/rekor-cli',
    program: 'rekor-cli',
  },
  trillianLogServer: {
    name: 'trillian-log-server',
    version: 'v1.7.3',
    package: 'github.com/google/trillian/cmd/trillian_log_server',
    program: 'trillian_log_server',
    tags: 'mysql',
  },
  trillianLogSigner: {
    name: 'trillian-log-signer',
    version: 'v1.7.3',
    package: 'github.com/google/trillian/cmd/trillian_log_signer',
    program: 'trillian_log_signer',
    tags: 'mysql',
  },
  cosign: {
    name: 'cosign',
    version: 'v3.1.3',
    package: 'github.com/sigstore/cosign/v3/cmd/cosign',
    program: 'cosign',
  },
  fulcio: {
    name: 'fulcio',
    version: 'v1.8.8',
    package: 'github.com/sigstore/fulcio',
    program: 'fulcio',
  },
  timestampServer: {
    name: 'timestamp-server',
    version: 'v2.1.3',
    package: 'github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server',
    program: 'timestamp-server',
  },
  // of the OCI distribution specification
  conformance: {
    name: 'oci-conformance',
    version: 'v0.0.0-20260831232431-97274622c111',
    package: 'github.com/opencontainers/distribution-spec/conformance',
    program: 'conformance',
  },
};

/** Program on PATH -> the Debian package that brings it. */
export const DEBIAN_TOOLS = {
  skopeo: 'skopeo',
  podman: 'podman',
  buildah: 'buildah',
  dockerd: 'docker.io',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  mariadbd: 'mariadb-server',
  'redis-server': 'redis-server',
  postgres: 'postgresql',
  openssl: 'openssl',
  haproxy: 'haproxy',
  iptables: 'iptables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  busybox: 'busybox-static',
  // one of the CNI plugins
  'host-local': 'containernetworking-plugins',
} as const;

export type DebianToolName = keyof typeof DEBIAN_TOOLS;

export interface Needs {
  readonly go: readonly GoToolName[];
  readonly debian: readonly DebianToolName[];
}

/** A whole node of Kubernetes. */
const NODE: Needs = {
  go: [
    'crane',
    'registry',
    'rekorV2',
    'etcd',
    'kubeApiserver',
    'kubectl',
    'kubeControllerManager',
    'kubeScheduler',
    'kubelet',
    'kubeProxy',
    'containerd',
    'shim',
    'helm4',
    'helm3',
  ],
  debian: ['runc', 'iptables', 'conntrack', 'ip', 'busybox', 'host-local'],
};

/** What each suite (a folder of test/e2e) needs. */
export const SUITE_NEEDS: Readonly<Record<string, Needs>> = {
  cluster: NODE,
  faults: NODE,
  chart: { go: ['helm4', 'helm3', 'etcd', 'kubeApiserver', 'kubectl'], debian: [] },
  'control-plane': { go: ['etcd', 'kubeApiserver', 'kubectl', 'registry'], debian: [] },
  clients: {
    go: ['crane', 'registry', 'ctr', 'containerd', 'oras', 'helm3', 'helm4', 'conformance'],
    debian: ['skopeo', 'podman', 'buildah', 'dockerd', 'containerd', 'ctr', 'runc'],
  },
  postgres: { go: ['rekorV2'], debian: ['postgres', 'haproxy'] },
  rekor: {
    go: [
      'rekorV2',
      'rekorV1',
      'rekorCli',
      'trillianLogServer',
      'trillianLogSigner',
      'cosign',
      'fulcio',
      'timestampServer',
    ],
    debian: ['openssl', 'mariadbd', 'redis-server', 'postgres'],
  },
};

import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { CNI_PLUGINS, goTool, onPath } from '../install.ts';
import type { StartedNamespace } from './namespace.ts';
import { startPart, type Part } from './part.ts';

export interface StartedNodeContainerd extends Part {
  /** Path of its socket, for `ctr --address` inside the namespace. */
  readonly socket: string;
  /** Its folder of `<host:port>/hosts.toml`, read at each pull. */
  readonly registryHosts: string;
}

/** containerd 2 with its CRI plugin, every folder of its own under `folder`. */
export async function startNodeContainerd(at: {
  readonly folder: string;
  readonly namespace: StartedNamespace;
  /** Image of the Pods' sandboxes. */
  readonly sandboxImage: string;
}): Promise<StartedNodeContainerd> {
  const folder = join(at.folder, 'containerd');
  const registryHosts = join(folder, 'certs.d');
  const networks = join(folder, 'cni');
  await Promise.all([registryHosts, networks].map((path) => mkdir(path, { recursive: true })));
  const socket = join(folder, 'containerd.sock');
  const network = networkOf(at.namespace.podRange, join(folder, 'addresses'));
  await writeFile(join(networks, '10-pods.conflist'), JSON.stringify(network));
  const config = join(folder, 'config.toml');
  const text = configOf({ folder, socket, registryHosts, networks, sandboxImage: at.sandboxImage });
  await writeFile(config, text);
  const containerd = await startPart({
    place: at.namespace,
    command: goTool('containerd'),
    args: ['--config', config],
    // finds the shim there
    env: { PATH: `${dirname(goTool('shim'))}${delimiter}${process.env['PATH'] ?? ''}${delimiter}/usr/sbin` },
    ready: (running) => running.waitFor(/containerd successfully booted/),
  });
  return { ...containerd, socket, registryHosts };
}

/** The node pulls from this registry by plain HTTP. */
export async function allowPlainHttp(registryHosts: string, host: string): Promise<void> {
  await mkdir(join(registryHosts, host), { recursive: true });
  await writeFile(join(registryHosts, host, 'hosts.toml'), `server = "http://${host}"\n`);
}

function configOf(at: {
  readonly folder: string;
  readonly socket: string;
  readonly registryHosts: string;
  readonly networks: string;
  readonly sandboxImage: string;
}): string {
  return `version = 3
root = "${at.folder}/root"
state = "${at.folder}/state"
[grpc]
address = "${at.socket}"
[plugins.'io.containerd.internal.v1.opt']
path = "${at.folder}/opt"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "${at.sandboxImage}"
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "${at.registryHosts}"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["${CNI_PLUGINS}"]
conf_dir = "${at.networks}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "${onPath('runc') ?? 'runc'}"
SystemdCgroup = false
`;
}

function networkOf(subnet: string, dataDir: string): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: { type: 'host-local', dataDir, ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { goTool, onPath } from './install.ts';

export interface StartedContainerd extends AsyncDisposable {
  /** Of its own API, and of the CRI. */
  readonly address: string;
  readonly process: RunningProcess;
}

/** Debian's 1.6, or the 2.x that is built. */
export type ContainerdVersion = '1.6' | '2.x';

/**
 * A containerd with folders and a socket of its own; it runs no container here, it only pulls. Its CRI looks for
 * hosts.toml below `certsDir`.
 */
export async function startContainerd(
  folder: string,
  { version = '1.6', certsDir = join(folder, 'certs.d') }: ContainerdOptions = {},
): Promise<StartedContainerd> {
  for (const each of [folder, certsDir]) await mkdir(each, { recursive: true });
  const config = join(folder, 'config.toml');
  const address = join(folder, 'containerd.sock');
  await writeFile(
    config,
    [
      `version = ${version === '1.6' ? 2 : 3}`,
      `root = "${join(folder, 'root')}"`,
      `state = "${join(folder, 'state')}"`,
      '[grpc]',
      `  address = "${address}"`,
      '[ttrpc]',
      `  address = "${address}.ttrpc"`,
      ...(version === '1.6' ? cri1(certsDir) : cri2(certsDir)),
    ].join('\n'),
  );
  const program = version === '1.6' ? (onPath('containerd') ?? 'containerd') : goTool('containerd');
  const process = startProcess(program, ['--config', config]);
  await process.waitFor(/containerd successfully booted/);
  return { address, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

export interface ContainerdOptions {
  readonly version?: ContainerdVersion;
  readonly certsDir?: string;
}

function cri1(certsDir: string): readonly string[] {
  const plugin = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    `[${plugin}.containerd]`,
    '  snapshotter = "native"',
    `[${plugin}.registry]`,
    `  config_path = "${certsDir}"`,
  ];
}

function cri2(certsDir: string): readonly string[] {
  const plugin = 'plugins."io.containerd.cri.v1.images"';
  return [
    `[${plugin}]`,
    '  snapshotter = "native"',
    '  use_local_image_pull = true',
    `[${plugin}.registry]`,
    `  config_path = "${certsDir}"`,
    '[plugins."io.containerd.cri.v1.runtime".cni]',
    `  conf_dir = "${certsDir}"`,
  ];
}

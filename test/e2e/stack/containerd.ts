import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { onPath } from './install.ts';

export interface StartedContainerd extends AsyncDisposable {
  readonly address: string;
  readonly process: RunningProcess;
}

/** Debian's containerd with folders and a socket of its own; it runs no container here, it only pulls. */
export async function startContainerd(folder: string): Promise<StartedContainerd> {
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config.toml');
  const address = join(folder, 'containerd.sock');
  await writeFile(
    config,
    [
      'version = 2',
      `root = "${join(folder, 'root')}"`,
      `state = "${join(folder, 'state')}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `  address = "${address}"`,
    ].join('\n'),
  );
  const process = startProcess(onPath('containerd') ?? 'containerd', ['--config', config]);
  await process.waitFor(/containerd successfully booted/);
  return { address, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

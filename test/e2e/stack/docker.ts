import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from '../../support/start-process.ts';
import { onPath } from './install.ts';

export interface StartedDocker extends AsyncDisposable {
  /** Value of DOCKER_HOST. */
  readonly host: string;
}

/** Debian's docker engine with folders and a socket of its own. It makes no network and runs no container: it pulls and builds. */
export async function startDocker(folder: string): Promise<StartedDocker> {
  await mkdir(folder, { recursive: true });
  const host = `unix://${join(folder, 'docker.sock')}`;
  const process = startProcess(onPath('dockerd') ?? 'dockerd', [
    ...['--data-root', join(folder, 'root'), '--exec-root', join(folder, 'exec')],
    ...['--pidfile', join(folder, 'docker.pid'), '-H', host, '--storage-driver=vfs'],
    ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
  ]);
  await process.waitFor(/API listen on/);
  return {
    host,
    async [Symbol.asyncDispose]() {
      // its containerd is a process of its own, which it ends itself
      await process.stop('SIGTERM');
    },
  };
}

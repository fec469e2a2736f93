import { join } from 'node:path';
import { goTool } from '../install.ts';
import { startPart, type Part } from './part.ts';
import type { Place } from './place.ts';

/** etcd at the loopback of the place; without fsync, so it survives kill -9 of itself and not of the machine. */
export function startEtcd(at: {
  readonly folder: string;
  readonly place: Place;
  readonly port: number;
  readonly peerPort: number;
}): Promise<Part> {
  const client = `http://127.0.0.1:${at.port}`;
  const peer = `http://127.0.0.1:${at.peerPort}`;
  return startPart({
    place: at.place,
    command: goTool('etcd'),
    args: [
      ...[`--data-dir=${join(at.folder, 'etcd')}`, '--unsafe-no-fsync'],
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      `--initial-cluster=default=${peer}`,
    ],
    ready: (process) => process.waitFor(/ready to serve client requests/),
  });
}

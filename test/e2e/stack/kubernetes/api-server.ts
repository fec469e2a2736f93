import { get } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunningProcess } from '../../../support/start-process.ts';
import { goTool } from '../install.ts';
import { writeSigningKey, type ClusterAuthority } from './certificates.ts';
import { startPart, type Part } from './part.ts';
import type { Place } from './place.ts';

export const SERVICE_RANGE = '10.96.0.0/16';
const FIRST_SERVICE = '10.96.0.1';

export interface ApiServerRequest {
  /** Has the certificates' folder. */
  readonly folder: string;
  readonly place: Place;
  readonly authority: ClusterAuthority;
  readonly port: number;
  readonly etcdPort: number;
  /** Key of the service accounts' tokens; made here. */
  readonly tokenKeyFile: string;
  /** More flags. */
  readonly flags: readonly string[];
}

/** kube-apiserver, by TLS at the place's address and at its loopback; ready when `/readyz` says so. */
export async function startApiServer(request: ApiServerRequest): Promise<Part> {
  const { authority, place, port, tokenKeyFile } = request;
  await writeSigningKey(tokenKeyFile);
  const serving = await authority.issue('kube-apiserver', {
    user: 'kube-apiserver',
    serves: [
      ...new Set(['127.0.0.1', place.address, FIRST_SERVICE]),
      ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ],
  });
  const kubeletClient = await authority.issue('kubelet-client', {
    user: 'kube-apiserver-kubelet-client',
    group: 'system:masters',
  });
  return startPart({
    place,
    command: goTool('kubeApiserver'),
    args: [
      `--etcd-servers=http://127.0.0.1:${request.etcdPort}`,
      `--secure-port=${port}`,
      ...[`--tls-cert-file=${serving.certFile}`, `--tls-private-key-file=${serving.keyFile}`],
      `--client-ca-file=${authority.caFile}`,
      ...[`--service-account-key-file=${tokenKeyFile}`, `--service-account-signing-key-file=${tokenKeyFile}`],
      '--service-account-issuer=https://kubernetes.default.svc',
      ...[
        '--authorization-mode=Node,RBAC',
        '--allow-privileged',
        `--service-cluster-ip-range=${SERVICE_RANGE}`,
      ],
      ...[
        `--kubelet-client-certificate=${kubeletClient.certFile}`,
        `--kubelet-client-key=${kubeletClient.keyFile}`,
        `--kubelet-certificate-authority=${authority.caFile}`,
      ],
      // without it `kubectl logs` looks for the node's name in DNS
      '--kubelet-preferred-address-types=InternalIP',
      `--cert-dir=${join(request.folder, 'api-server')}`,
      ...request.flags,
    ],
    ready: (process) => untilReady(`https://${place.address}:${port}/readyz`, authority.ca, process),
  });
}

async function untilReady(url: string, ca: string, process: RunningProcess): Promise<void> {
  const ended = process.exited.then(() => true);
  for (let tries = 0; tries < 600; tries++) {
    if ((await statusOf(url, ca)) === 200) return;
    if ((await Promise.race([ended, pause(100)])) === true) break;
  }
  throw new Error(`${url} did not become ready:\n${process.output().slice(-8000)}`);
}

/** Status of the answer, or undefined where there is none. */
function statusOf(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    get(url, { ca, agent: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('timeout', function (this: { destroy(): void }) {
        this.destroy();
      })
      .on('error', () => {
        resolve(undefined);
      });
  });
}

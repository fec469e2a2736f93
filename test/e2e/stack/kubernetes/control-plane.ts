import { join } from 'node:path';
import { freePorts } from '../start.ts';
import { startApiServer } from './api-server.ts';
import { makeClusterAuthority } from './certificates.ts';
import { makeClients, type Clients } from './clients.ts';
import { startEtcd } from './etcd.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Part } from './part.ts';
import { LOOPBACK } from './place.ts';

export interface StartedControlPlane extends AsyncDisposable, Pick<Clients, 'kubectl'> {
  /** `https://127.0.0.1:port`. */
  readonly server: string;
  /** PEM file of the CA of the API server's certificate. */
  readonly caFile: string;
  /** For `system:masters`. */
  readonly kubeconfig: string;
  /** Writes a kubeconfig for another user. */
  kubeconfigFor(user: string, group?: string): Promise<string>;
  readonly etcd: Part;
  /** Its clients' address; the JSON gateway of its API is under `/v3`. */
  readonly etcdUrl: string;
  readonly apiServer: Part;
}

/**
 * Real etcd and kube-apiserver on free ports of loopback, in a few seconds and without root. There is no controller and
 * no node: Pods are stored and never run, objects are not collected, and Pods need no service account.
 */
export async function startControlPlane({
  folder,
  apiServerFlags = [],
}: {
  readonly folder: string;
  readonly apiServerFlags?: readonly string[];
}): Promise<StartedControlPlane> {
  const [port = 0, etcdPort = 0, peerPort = 0] = await freePorts(3);
  const certificates = join(folder, 'certificates');
  const authority = await makeClusterAuthority(certificates);
  const started = new AsyncDisposableStack();
  try {
    const place = LOOPBACK;
    const etcd = started.use(await startEtcd({ folder, place, port: etcdPort, peerPort }));
    const apiServer = started.use(
      await startApiServer({
        folder,
        place,
        authority,
        port,
        etcdPort,
        tokenKeyFile: join(certificates, 'tokens.key'),
        flags: [
          '--bind-address=127.0.0.1',
          // nobody calls it by its Service; a machine without a default route has no address to take for it
          ...['--endpoint-reconciler-type=none', '--advertise-address=192.0.2.1'],
          '--enable-admission-plugins=NodeRestriction',
          '--disable-admission-plugins=ServiceAccount',
          ...apiServerFlags,
        ],
      }),
    );
    const server = `https://127.0.0.1:${port}`;
    const kubeconfigFor: StartedControlPlane['kubeconfigFor'] = (user, group) =>
      writeKubeconfig({
        folder: certificates,
        name: user.replaceAll(/[^a-z0-9-]/g, '-'),
        server,
        authority,
        subject: { user, ...(group !== undefined && { group }) },
      });
    const kubeconfig = await kubeconfigFor('admin', 'system:masters');
    return {
      server,
      caFile: authority.caFile,
      kubeconfig,
      kubeconfigFor,
      etcd,
      etcdUrl: `http://127.0.0.1:${etcdPort}`,
      apiServer,
      kubectl: makeClients(folder, kubeconfig).kubectl,
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

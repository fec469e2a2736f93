import { pause } from '../../cache/pause.ts';
import { AppError } from '../../errors/app-error.ts';
import type { StoreSettings } from '../../config/config.ts';
import { makeGenerationFollower } from '../../kube/generation-follower.ts';
import { makeKeySecret, type KeySecret } from '../../kube/key-secret.ts';
import { makeRecordStore } from '../../kube/record-store.ts';
import { makeStateStore } from '../../kube/state-store.ts';
import type { SystemClock } from '../../observe/clock.ts';
import type { Logger } from '../../observe/log.ts';
import type { OpenedStore } from '../../store/opened-store.ts';
import type { Cluster } from './cluster.ts';

/** How often to look for a Secret that another process makes. */
const SECRET_EVERY_MS = 1_000;

export interface OpenedCluster extends Cluster {
  readonly keys: KeySecret;
  close(): Promise<void>;
}

export type ClusterSettings = Extract<StoreSettings, { readonly kind: 'kubernetes' }>;

/** Asks nobody yet. Throws CONFIG_INVALID. Its code is loaded here alone: who runs without a cluster does not pay for it. */
export async function openCluster(settings: ClusterSettings, clock: SystemClock): Promise<OpenedCluster> {
  const { connectToCluster } = await import('../../kube/connect.ts');
  const { makeKubeApi } = await import('../../kube/client.ts');
  const connection = connectToCluster(settings.access, { monotonicMs: () => clock.monotonicMs() });
  const namespace = settings.namespace ?? connection.namespace;
  if (namespace === undefined) throw noNamespace();
  const { name } = settings;
  const api = makeKubeApi({ connection, random: Math.random });
  return {
    api,
    namespace,
    name,
    keys: makeKeySecret({
      api,
      namespace,
      name: `${name}-keys`,
      wait: (signal) => pause(SECRET_EVERY_MS, signal),
    }),
    close: () => connection.close(),
  };
}

/** Records and state as resources of the cluster. */
export function clusterStore(
  { api, namespace, name }: Cluster,
  { logger, random }: { readonly logger: Logger; readonly random: () => number },
): OpenedStore {
  return {
    store: makeRecordStore(api),
    state: makeStateStore({ api, namespace, name }),
    follower: makeGenerationFollower({ api, logger, random }),
    close: () => Promise.resolve(),
  };
}

function noNamespace(): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message:
      'kubernetes.namespace (TAGSEAL_KUBERNETES_NAMESPACE) must be set: the kubeconfig’s context names none; set it to the namespace that Tagseal is installed in',
  });
}

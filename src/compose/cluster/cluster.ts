import type { KubeApi } from '../../kube/api.ts';
import type { Logger } from '../../observe/log.ts';

/** The cluster that this deployment belongs to. */
export interface Cluster {
  readonly api: KubeApi;
  /** Where its keys, state and leases are. */
  readonly namespace: string;
  /** Begins their names. */
  readonly name: string;
}

/** What every follower of the cluster needs. */
export interface ClusterParts {
  readonly cluster: Cluster;
  readonly logger: Logger;
  /** 0 to 1. */
  readonly random: () => number;
}

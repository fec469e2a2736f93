import type { NamespaceLookup } from '../../admission/namespace.ts';
import type { PullSecretLookup } from '../../admission/pull-access.ts';
import type { Config } from '../../config/config.ts';
import type { HealthCheck } from '../../http/health.ts';
import { AppError } from '../../errors/app-error.ts';
import { makePullSecretLookup } from '../../kube/pull-secrets.ts';
import { followRefused } from '../../kube/refused-follower.ts';
import type { SystemClock } from '../../observe/clock.ts';
import type { Logger } from '../../observe/log.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { BackgroundJob } from '../background.ts';
import type { Core } from '../core.ts';
import type { LedgerOperations } from '../ledger-operations.ts';
import type { ClusterAuthority } from '../serving-certificate.ts';
import { clusterAuthority, openAuthoritySecret } from './certificate.ts';
import { runController } from './controller.ts';
import { followNamespaces } from './namespaces.ts';
import { publishedTexts } from './published.ts';

export interface ServeClusterParts {
  readonly config: Config;
  readonly core: Core;
  readonly accept: LedgerOperations['accept'];
  /** What one of all processes does. */
  readonly jobs: readonly BackgroundJob[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: SystemClock;
}

/** What the doors get from the cluster, and what runs beside them. */
export interface ServingCluster {
  readonly namespaces: NamespaceLookup;
  readonly pullSecrets?: PullSecretLookup;
  /** Absent where the certificate comes from elsewhere. */
  readonly authority?: ClusterAuthority;
  /** Ready with the policies and the namespaces heard of: an API server that is away later takes nobody out of service. */
  readonly health: Readonly<Record<string, HealthCheck>>;
  /** Follows, and leads where this process may, until `signal`. */
  run(signal: AbortSignal): Promise<void>;
}

/** Undefined outside a cluster. */
export function serveCluster(parts: ServeClusterParts): ServingCluster | undefined {
  const { config, core, logger, metrics, clock } = parts;
  const { cluster, policies, ledger, registry, incident, assembly } = core;
  if (cluster === undefined || policies === undefined) return undefined;
  const follow = { cluster, logger, random: Math.random };
  const namespaces = followNamespaces(follow);
  // the proxy knows no namespaces, and has no right to see them
  const needsNamespaces = config.admission.enabled || config.controller.enabled;
  const { serviceName, pullSecrets } = config.admission;
  const tls = [config.admission.tls, config.proxy.tls].find((door) => door?.mode === 'cluster');
  const authorities =
    tls?.mode === 'cluster'
      ? openAuthoritySecret(cluster, { leafLifetimeMs: tls.lifetimeMs, clock })
      : undefined;
  return {
    namespaces,
    ...(pullSecrets && {
      pullSecrets: makePullSecretLookup(cluster.api),
    }),
    ...(authorities && { authority: clusterAuthority(authorities, cluster, serviceName) }),
    health: {
      policies: heardOf('TagPolicies', policies.synced),
      ...(needsNamespaces && { namespaces: heardOf('namespaces', namespaces.synced) }),
    },
    async run(signal) {
      // the audit that refuses a record runs in the leader alone
      const forget = (claimId: string, generation: number) => assembly.memory.forget(claimId, generation);
      const refused = followRefused({ api: cluster.api, logger, random: Math.random }, forget, signal);
      const followers = [policies.run(signal), refused, ...(needsNamespaces ? [namespaces.run(signal)] : [])];
      if (config.controller.enabled) {
        const { accept, jobs } = parts;
        const { resolver } = registry;
        const published = publishedTexts(config, core);
        const own = { ledger, resolver, accept, namespaces, policies, authorities, jobs, incident };
        followers.push(runController({ ...follow, ...own, published, config, clock, metrics }, signal));
      }
      await Promise.all(followers);
    },
  };
}

function heardOf(what: string, synced: Promise<void>): HealthCheck {
  let isSynced = false;
  void synced.then(() => {
    isSynced = true;
  });
  return () => {
    if (isSynced) return;
    throw new AppError({
      code: 'KUBERNETES_UNAVAILABLE',
      message: `the ${what} were not heard of yet; see that the API server can be reached and lets them be listed`,
    });
  };
}

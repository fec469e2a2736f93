import type { AuthoritySecret } from '../../kube/authority-secret.ts';
import { applyCaBundle } from '../../kube/ca-bundle.ts';
import { tellPolicy } from '../../kube/policy-object.ts';
import { publicMapName, writePublicMap } from '../../kube/public-map.ts';
import { trustBundle } from '../../http/authorities.ts';
import type { BackgroundJob } from '../background.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterPolicies } from './policies.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/**
 * Keeps `caBundle` as the CAs are, and the CAs young. What is about to sign must stand in the bundle, so the bundle is
 * written before each step of a rotation, and again after it.
 */
export function authorityJob(cluster: Cluster, secret: AuthoritySecret, everyMs: number): BackgroundJob {
  return {
    name: 'controller.authority',
    everyMs,
    async run(signal) {
      const before = trustBundle(await secret.open(signal));
      await applyCaBundle(cluster, before, signal);
      const after = trustBundle(await secret.advance(signal));
      if (after !== before) await applyCaBundle(cluster, after, signal);
    },
  };
}

/** Writes into the status of each TagPolicy whether it counts. */
export function policyStatusJob(
  { api }: Cluster,
  policies: ClusterPolicies,
  clock: { now(): number },
): BackgroundJob {
  return {
    name: 'controller.policies',
    everyMs: 2 * SECOND_MS,
    async run(signal) {
      for (const state of policies.toTell()) await tellPolicy({ api, now: clock.now() }, state, signal);
    },
  };
}

/** Keeps what everybody may know of this installation in its public ConfigMap, whoever edits that. */
export function publicMapJob(
  { api, namespace, name }: Cluster,
  data: Readonly<Record<string, string>>,
): BackgroundJob {
  return {
    name: 'controller.public',
    everyMs: MINUTE_MS,
    run: (signal) => writePublicMap(api, { namespace, name: publicMapName(name), data }, signal),
  };
}

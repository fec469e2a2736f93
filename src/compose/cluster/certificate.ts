import { pause } from '../../cache/pause.ts';
import { makeAuthoritySecret, type AuthoritySecret } from '../../kube/authority-secret.ts';
import type { ClusterAuthority } from '../serving-certificate.ts';
import type { Cluster } from './cluster.ts';

/** How often to look for the Secret that the controller makes. */
const SECRET_EVERY_MS = 1_000;
const MINUTE_MS = 60_000;
/** CAs live as much longer than leaves: a year for leaves of a week. */
const LEAVES_PER_AUTHORITY = 52;
/** API servers hear of a new bundle at once; replicas of the webhook ask for the signing CA within half a minute. */
const MAX_SETTLE_MS = 5 * MINUTE_MS;

/** The webhook's CAs in the Secret of the deployment. */
export function openAuthoritySecret(
  { api, namespace, name }: Cluster,
  { leafLifetimeMs, clock }: { readonly leafLifetimeMs: number; readonly clock: { now(): number } },
): AuthoritySecret {
  const authorityLifetimeMs = LEAVES_PER_AUTHORITY * leafLifetimeMs;
  const settleMs = Math.min(leafLifetimeMs, MAX_SETTLE_MS);
  return makeAuthoritySecret({
    api,
    namespace,
    name: `${name}-ca`,
    times: { authorityLifetimeMs, leafLifetimeMs, settleMs },
    clock,
    wait: (signal) => pause(SECRET_EVERY_MS, signal),
  });
}

/** What signs the webhook's own leaf, and the names by which the API server calls its Service. */
export function clusterAuthority(
  secret: AuthoritySecret,
  { namespace }: Cluster,
  serviceName: string,
): ClusterAuthority {
  const host = `${serviceName}.${namespace}.svc`;
  return {
    signing: async (signal) => (await secret.open(signal)).signing,
    names: [host, `${host}.cluster.local`, serviceName, `${serviceName}.${namespace}`],
  };
}

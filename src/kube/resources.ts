import type { Resource } from './api.ts';

export const GROUP = 'tagseal.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

export const TAG_RECORDS: Resource = { group: GROUP, version: VERSION, plural: 'tagrecords' };
export const TAG_POLICIES: Resource = { group: GROUP, version: VERSION, plural: 'tagpolicies' };
export const TAG_APPROVALS: Resource = { group: GROUP, version: VERSION, plural: 'tagapprovals' };
export const NAMESPACES: Resource = { group: '', version: 'v1', plural: 'namespaces' };
export const PODS: Resource = { group: '', version: 'v1', plural: 'pods' };
export const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps' };

export const secretsIn = (namespace: string) => core('secrets', namespace);
export const configMapsIn = (namespace: string) => core('configmaps', namespace);
export const serviceAccountsIn = (namespace: string) => core('serviceaccounts', namespace);
export const eventsIn = (namespace: string): Resource => ({
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  namespace,
});
export const leasesIn = (namespace: string): Resource => ({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespace,
});

function core(plural: string, namespace: string): Resource {
  return { group: '', version: 'v1', plural, namespace };
}

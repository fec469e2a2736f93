import { describe, expect, it } from '@jest/globals';
import { objectsOf, valuesOf, type Rendered } from './render.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** One line for each resource: `group/resource[names] verbs`. */
function rightsOf(objects: readonly Rendered[], kind: string, name: string): readonly string[] {
  return objects
    .filter((object) => object.kind === kind && object.metadata.name === name)
    .flatMap(({ rules }) => rules as readonly Rule[])
    .flatMap(({ apiGroups, resources, resourceNames = [], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.map(
          (resource) =>
            `${group === '' ? '' : `${group}/`}${resource}${resourceNames.length === 0 ? '' : `[${resourceNames.join(' ')}]`} ${verbs.join(' ')}`,
        ),
      ),
    );
}

const RECORDS = [
  'tagseal.dev/tagrecords get list watch create patch',
  'tagseal.dev/tagpolicies get list watch',
];
const STATE = 'configmaps get create patch';
const PUBLIC = 'configmaps[tagseal-public] get';

/** Everything that a service account of the chart may do, with default values. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'ClusterRole tagseal-webhook': [...RECORDS, 'namespaces get list watch'],
  'Role tagseal-webhook': ['secrets[tagseal-keys tagseal-ca] get', STATE],
  'ClusterRole tagseal-proxy': RECORDS,
  'Role tagseal-proxy': ['secrets[tagseal-keys] get', STATE],
  'ClusterRole tagseal-controller': [
    ...RECORDS,
    'tagseal.dev/tagapprovals get list watch',
    'tagseal.dev/tagpolicies/status patch',
    'tagseal.dev/tagapprovals/status patch',
    'namespaces get list watch',
    'pods list',
    'events.k8s.io/events create',
    'admissionregistration.k8s.io/mutatingwebhookconfigurations[tagseal] get patch',
    'admissionregistration.k8s.io/validatingwebhookconfigurations[tagseal] get patch',
  ],
  'Role tagseal-controller': [
    'secrets create',
    'secrets[tagseal-keys tagseal-ca] get update',
    STATE,
    'coordination.k8s.io/leases create',
    'coordination.k8s.io/leases[tagseal-controller] get update',
  ],
  'ClusterRole tagseal-cleanup': [
    'admissionregistration.k8s.io/mutatingwebhookconfigurations[tagseal] delete',
    'admissionregistration.k8s.io/validatingwebhookconfigurations[tagseal] delete',
  ],
  'Role tagseal-test': ['pods create'],
  'ClusterRole tagseal-viewer': [
    'tagseal.dev/tagrecords get list watch',
    'tagseal.dev/tagpolicies get list watch',
    'tagseal.dev/tagapprovals get list watch',
    PUBLIC,
  ],
  'ClusterRole tagseal-approver': [
    'tagseal.dev/tagrecords get list watch',
    'tagseal.dev/tagpolicies get list watch',
    'tagseal.dev/tagapprovals get list watch',
    PUBLIC,
    'tagseal.dev/tagapprovals create',
  ],
  'ClusterRole tagseal-admin': [
    'tagseal.dev/tagrecords get list watch create delete',
    'tagseal.dev/tagapprovals get list watch create delete',
    'tagseal.dev/tagpolicies get list watch create update patch delete',
    PUBLIC,
  ],
};

describe('the rights of the chart', () => {
  const rendered = objectsOf('helm4', []);

  it.each(Object.entries(ALLOWED))('of %s are these and no others', async (role, rights) => {
    const [kind = '', name = ''] = role.split(' ');
    expect(rightsOf(await rendered, kind, name)).toEqual(rights);
  });

  it('are all in that list', async () => {
    const roles = (await rendered)
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(roles.toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
  });

  it('do not reach Secrets beyond the own namespace unless pull secrets are asked for', async () => {
    const asked = ['--set', 'config.admission.pullSecrets=true,secretAccess.scope=cluster'];
    const granted = rightsOf(await objectsOf('helm4', asked), 'ClusterRole', 'tagseal-webhook');
    expect(granted).toEqual([...RECORDS, 'namespaces get list watch', 'secrets get', 'serviceaccounts get']);
    const allowed = await objectsOf('helm4', ['--set', 'secretAccess.scope=cluster']);
    expect(rightsOf(allowed, 'ClusterRole', 'tagseal-webhook')).toEqual(
      ALLOWED['ClusterRole tagseal-webhook'],
    );
  });

  it('reach the Secrets of the named namespaces alone', async () => {
    const objects = await objectsOf('helm4', valuesOf('everything'));
    const places = objects
      .filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'seal-pull-secrets')
      .map(({ metadata }) => metadata.namespace);
    expect(places).toEqual(['shop', 'bank']);
    expect(rightsOf(objects, 'ClusterRole', 'seal-webhook').join()).not.toContain('secrets');
  });

  it.each([
    ['existing-secrets', 'Role', 'tagseal-webhook', [STATE]],
    ['existing-secrets', 'Role', 'tagseal-proxy', [STATE]],
    ['proxy-only', 'Role', 'tagseal-proxy', [STATE]],
  ] as const)('with %s values are in %s %s no Secret', async (values, kind, name, rights) => {
    expect(rightsOf(await objectsOf('helm4', valuesOf(values)), kind, name)).toEqual(rights);
  });

  it.each(['existing-secrets', 'cert-manager'])(
    'with %s values do not reach the webhook configurations, which somebody else fills in',
    async (values) => {
      const objects = await objectsOf('helm4', valuesOf(values));
      const rights = rightsOf(objects, 'ClusterRole', 'tagseal-controller').join();
      expect(rights).not.toContain('webhookconfigurations');
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { openShop, pod, type Shop } from '../stack/kubernetes/shop.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { installTagseal, NAMESPACE, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 90_000;
const HELM_PATIENCE_MS = 240_000;

let folder: TempFolder;
let cluster: StartedCluster;
let values: string;
let shop: Shop;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  values = await valuesFile(cluster, await buildTagsealImage(cluster));
  shop = await openShop(cluster, 'shop', 'enforce');
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

type Helm = 'helm3' | 'helm4';

const install = (helm: Helm, ...set: readonly string[]) =>
  installTagseal(cluster, values, {
    helm: cluster[helm],
    set: [`test.image=${JSON.stringify(cluster.busybox)}`, ...set],
  });

/** A command on the release. */
const release = (helm: Helm, command: string, ...args: readonly string[]) =>
  succeed(
    cluster[helm]([command, 'tagseal', ...args, '-n', NAMESPACE, '--timeout=180s'], {
      timeoutMs: HELM_PATIENCE_MS,
    }),
  );

interface RecordSeen {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly reference: string; readonly digest: string };
}

async function recordOf(tag: string): Promise<RecordSeen | undefined> {
  const { items } = await shop.read<{ items: readonly RecordSeen[] }>('get', 'tagrecords');
  return items.find(({ spec }) => spec.reference === tag);
}

/** How the image of a Pod comes back, or why it does not. */
async function imageOf(tag: string): Promise<string> {
  const { code, stdout, stderr } = await shop.apply(
    pod('asks', tag),
    ...['--dry-run=server', '-o', 'jsonpath={.spec.containers[0].image}'],
  );
  return code === 0 ? stdout : stderr;
}

const untilPinned = (tag: string, digest: string) =>
  until(
    () => imageOf(tag),
    (image) => image === `${tag}@${digest}`,
    PATIENCE_MS,
  );

const LEFT = [
  ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations', 'validatingadmissionpolicies'],
  ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings', 'serviceaccounts', 'services'],
  ['deployments', 'jobs', 'pods', 'configmaps', 'poddisruptionbudgets', 'namespaces'],
]
  .flat()
  .join();

/** Everything of the release that a cluster still has. */
async function leftOver(): Promise<readonly string[]> {
  const label = 'app.kubernetes.io/instance=tagseal';
  const names = await succeed(cluster.kubectl(['get', LEFT, '-A', '-l', label, '-o', 'name']));
  return names.split('\n').filter((name) => name !== '');
}

async function uninstall(helm: Helm): Promise<void> {
  await release(helm, 'uninstall', '--wait');
  // what the ReplicaSets had made ends a little later
  expect(await until(leftOver, (names) => names.length === 0, PATIENCE_MS)).toEqual([]);
}

interface Sight {
  readonly tag: string;
  readonly digest: string;
  readonly uid: string | undefined;
}

/** What any installation has recorded. */
const sights: Sight[] = [];

async function firstSight(name: string): Promise<Sight> {
  const tag = shop.tag(name);
  const digest = await shop.push(tag, `${name} first`);
  await succeed(shop.apply(pod(name, tag)));
  expect(await imageOf(tag)).toBe(`${tag}@${digest}`);
  const record = await recordOf(tag);
  expect(record?.spec.digest).toBe(digest);
  return { tag, digest, uid: record?.metadata.uid };
}

async function goesOnWithRecords(): Promise<void> {
  for (const { tag, uid } of sights) {
    await shop.push(tag, `elsewhere now ${tag}`);
    await shop.untilRefused(tag);
    expect((await recordOf(tag))?.metadata.uid).toBe(uid);
  }
}

/** Nothing is left that could refuse a Pod, and no record is lost. */
async function uninstallsAndLeavesRecords(helm: Helm): Promise<void> {
  await uninstall(helm);
  for (const { tag, digest, uid } of sights) {
    expect(await imageOf(tag)).toBe(tag);
    expect(await recordOf(tag)).toMatchObject({ metadata: { uid }, spec: { digest } });
  }
}

async function breakWebhook(): Promise<void> {
  const scale = ['scale', 'deployment/tagseal-webhook', '-n', NAMESPACE, '--replicas=0'];
  await succeed(cluster.kubectl(scale));
  await until(
    () => imageOf(cluster.busybox),
    (text) => text.includes('failed calling webhook'),
    PATIENCE_MS,
  );
}

describe.each(['helm3', 'helm4'] as const)('%s', (helm) => {
  let sight: Sight;

  it('installs, its test passes, and records of an earlier installation count', async () => {
    await install(helm);
    expect(await release(helm, 'test')).toMatch(/Phase:\s+Succeeded/);
    await goesOnWithRecords();
    sight = await firstSight(helm);
    sights.push(sight);
  });

  it('upgrades and rolls back without a conflict over any field, and the certificate stays known', async () => {
    const timeout = async () => {
      const wanted = 'jsonpath={.webhooks[0].timeoutSeconds}';
      return succeed(cluster.kubectl(['get', 'mutatingwebhookconfiguration', 'tagseal', '-o', wanted]));
    };
    await install(helm, 'webhook.timeoutSeconds=7', 'config.admission.workloads="deny"');
    expect(await timeout()).toBe('7');
    await untilPinned(sight.tag, sight.digest);
    await release(helm, 'rollback', '1', '--wait');
    expect(await timeout()).toBe('10');
    await untilPinned(sight.tag, sight.digest);
  });

  it(`uninstalls ${helm === 'helm4' ? 'with a broken webhook ' : ''}and leaves the records alone`, async () => {
    if (helm === 'helm4') await breakWebhook();
    await uninstallsAndLeavesRecords(helm);
  });
});

describe('helm3 after helm4', () => {
  const ACCOUNTS = ['webhook', 'controller', 'proxy'] as const;
  type Account = (typeof ACCOUNTS)[number];
  const user = (account: Account) => `--as=system:serviceaccount:${NAMESPACE}:tagseal-${account}`;
  const mayIt = async (account: Account, args: readonly string[]) =>
    (await cluster.kubectl(['auth', 'can-i', ...args, user(account)])).stdout.trim();

  const NOBODY: readonly (readonly string[])[] = [
    ['delete', 'tagrecords.tagseal.dev'],
    ['deletecollection', 'tagrecords.tagseal.dev'],
    ['update', 'tagpolicies.tagseal.dev'],
    ['create', 'tagpolicies.tagseal.dev'],
    ['create', 'tagapprovals.tagseal.dev'],
    ['delete', 'tagapprovals.tagseal.dev'],
    ['list', 'secrets', '-n', NAMESPACE],
    ['list', 'secrets', '-A'],
    ['get', 'secrets/default', '-n', NAMESPACE],
    ['get', 'secrets', '-n', 'kube-system'],
    ['delete', 'secrets', '-n', NAMESPACE],
    ['create', 'pods', '-A'],
    ['delete', 'pods', '-A'],
    ['create', 'pods/exec', '-A'],
    ['create', 'serviceaccounts/token', '-n', NAMESPACE],
    ['update', 'deployments.apps', '-n', NAMESPACE],
    ['patch', 'namespaces'],
    ['create', 'clusterrolebindings.rbac.authorization.k8s.io'],
    ['patch', 'mutatingwebhookconfigurations.admissionregistration.k8s.io/another'],
    ['delete', 'validatingwebhookconfigurations.admissionregistration.k8s.io/tagseal'],
    ['impersonate', 'users'],
  ];
  const BUT_CONTROLLER: readonly (readonly string[])[] = [
    ['create', 'secrets', '-n', NAMESPACE],
    ['patch', 'mutatingwebhookconfigurations.admissionregistration.k8s.io/tagseal'],
    ['patch', 'tagapprovals.tagseal.dev', '--subresource=status'],
    ['list', 'pods', '-A'],
    ['create', 'events.events.k8s.io', '-A'],
  ];

  it('installs beside the records, and goes on with them', async () => {
    await install('helm3');
    await goesOnWithRecords();
  });

  it.each(ACCOUNTS)('gives the service account of the %s no more rights than it needs', async (account) => {
    const isController = account === 'controller';
    for (const args of NOBODY) expect([args, await mayIt(account, args)]).toEqual([args, 'no']);
    for (const args of BUT_CONTROLLER) {
      expect([args, await mayIt(account, args)]).toEqual([args, isController ? 'yes' : 'no']);
    }
  });

  it.each(ACCOUNTS)('sees the service account of the %s refused when it tries', async (account) => {
    const name = (await succeed(cluster.kubectl(['get', 'tagrecords', '-o', 'name']))).split('\n')[0] ?? '';
    const calls = [
      ['delete', name],
      ['get', 'secrets', '-n', NAMESPACE],
      ['create', 'namespace', 'more'],
      ['create', 'token', 'tagseal-webhook', '-n', NAMESPACE],
      ['delete', 'validatingwebhookconfiguration', 'tagseal'],
      ['label', 'namespace', shop.name, 'tagseal.dev/mode=off', '--overwrite'],
    ];
    for (const call of calls) {
      const { code, stderr } = await cluster.kubectl([...call, user(account)]);
      expect([call, code]).toEqual([call, 1]);
      expect(stderr).toMatch(/forbidden/i);
    }
  });

  it('uninstalls with a broken webhook and leaves the records alone', async () => {
    await breakWebhook();
    await uninstallsAndLeavesRecords('helm3');
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { deployment, openShop, pod, type Shop } from '../stack/kubernetes/shop.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { installTagseal, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 90_000;
const SCAN = 'config.controller.scanEverySeconds=10';
const APPROVER = 'maria';

let folder: TempFolder;
let cluster: StartedCluster;
let values: string;
let shop: Shop;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  values = await valuesFile(cluster, await buildTagsealImage(cluster));
  await installTagseal(cluster, values, { set: [SCAN] });
  const binding = ['--clusterrole=tagseal-approver', `--user=${APPROVER}`];
  await succeed(cluster.kubectl(['create', 'clusterrolebinding', 'approvers', ...binding]));
  shop = await openShop(cluster, 'shop', 'enforce');
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface TagRecordSeen {
  readonly spec: { readonly reference: string; readonly digest: string; readonly generation: number };
  readonly status: {
    readonly phase: string;
    readonly log?: { readonly index: number };
    readonly observed?: { readonly state: string; readonly digest?: string };
  };
}

async function recordsOf(tag: string): Promise<readonly TagRecordSeen[]> {
  const { items } = await shop.read<{ items: readonly TagRecordSeen[] }>('get', 'tagrecords');
  return items
    .filter(({ spec }) => spec.reference === tag)
    .toSorted((a, b) => a.spec.generation - b.spec.generation);
}

interface PodSeen {
  readonly spec: {
    readonly containers: readonly { readonly image: string }[];
    readonly volumes?: readonly { readonly image?: { readonly reference: string } }[];
    readonly ephemeralContainers?: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: {
    readonly containerStatuses?: readonly { readonly ready: boolean }[];
    readonly ephemeralContainerStatuses?: readonly {
      readonly name: string;
      readonly imageID: string;
      readonly state: { readonly running?: object };
    }[];
  };
}

const podsOf = async (app: string) =>
  (await shop.read<{ items: readonly PodSeen[] }>('get', 'pods', '-l', `app=${app}`)).items;

/** A tag that was recorded with the first digest and points to the second now. */
async function movedTag(name: string): Promise<{ tag: string; recorded: string; moved: string }> {
  const tag = shop.tag(name);
  const recorded = await shop.push(tag, `${name} first`);
  await succeed(shop.apply(pod(`${name}-first`, tag)));
  const moved = await shop.push(tag, `${name} second`);
  await shop.untilRefused(tag);
  return { tag, recorded, moved };
}

describe('an ephemeral container', () => {
  const debug = (name: string) =>
    shop.kubectl('debug', 'pod/debugged', `--image=${shop.tag('tool')}`, `--container=${name}`);
  let recorded: string;

  it('of kubectl debug is pinned, and runs', async () => {
    recorded = await shop.push(shop.tag('tool'), 'first');
    await succeed(shop.apply(pod('debugged', cluster.busybox)));
    await shop.ready('debugged');
    await succeed(debug('first'));
    const seen = await until(
      () => shop.read<PodSeen>('get', 'pod', 'debugged'),
      ({ status }) => status.ephemeralContainerStatuses?.[0]?.state.running !== undefined,
      PATIENCE_MS,
    );
    expect(seen.spec.ephemeralContainers?.map(({ image }) => image)).toEqual([
      `${shop.tag('tool')}@${recorded}`,
    ]);
    expect(seen.status.ephemeralContainerStatuses?.[0]?.imageID).toContain(recorded);
  });

  it('of a moved tag is refused', async () => {
    const moved = await shop.push(shop.tag('tool'), 'second');
    await shop.untilRefused(shop.tag('tool'));
    const { code, stderr } = await debug('second');
    expect(code).not.toBe(0);
    expect(stderr).toContain(recorded);
    expect(stderr).toContain(moved);
    expect((await shop.read<PodSeen>('get', 'pod', 'debugged')).spec.ephemeralContainers).toHaveLength(1);
  });
});

describe('an image volume', () => {
  const withVolume = (name: string) =>
    pod(name, cluster.busybox, {
      container: { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      spec: { volumes: [{ name: 'v', image: { reference: shop.tag('files') } }] },
    });
  let recorded: string;

  it('is pinned, and mounted', async () => {
    recorded = await shop.push(shop.tag('files'), 'first');
    await succeed(shop.apply(withVolume('mounts')));
    await shop.ready('mounts');
    const { spec } = await shop.read<PodSeen>('get', 'pod', 'mounts');
    expect(spec.volumes?.flatMap(({ image }) => image?.reference ?? [])).toEqual([
      `${shop.tag('files')}@${recorded}`,
    ]);
    expect(await succeed(shop.kubectl('exec', 'mounts', '--', 'cat', '/v/marker'))).toBe('first');
  });

  it('of a moved tag is refused', async () => {
    const moved = await shop.push(shop.tag('files'), 'second');
    await shop.untilRefused(shop.tag('files'));
    const { code, stderr } = await shop.apply(withVolume('mounts-again'));
    expect(code).not.toBe(0);
    expect(stderr).toContain('spec.volumes[0].image.reference');
    expect(stderr).toContain(recorded);
    expect(stderr).toContain(moved);
  });
});

describe('a TagApproval', () => {
  interface ApprovalSeen {
    readonly spec: { readonly requestedBy?: string };
    readonly status?: { readonly phase: string; readonly generation?: number; readonly message?: string };
  }

  async function approve(name: string, reference: string, toDigest: string): Promise<ApprovalSeen> {
    const approval = {
      apiVersion: 'tagseal.dev/v1alpha1',
      kind: 'TagApproval',
      metadata: { name },
      spec: { reference, toDigest, reason: 'rebuilt with a fix', requestedBy: 'somebody else' },
    };
    const kubeconfig = await cluster.kubeconfigFor(APPROVER);
    const args = ['create', '-f', '-', '--kubeconfig', kubeconfig];
    await succeed(cluster.kubectl(args, { input: JSON.stringify(approval) }));
    return until(
      () => shop.read<ApprovalSeen>('get', 'tagapproval', name),
      ({ status }) => status !== undefined && status.phase !== 'Pending',
      PATIENCE_MS,
    );
  }

  it('for a digest that the tag does not point to is refused, and says why', async () => {
    const { tag, moved } = await movedTag('wrong');
    const wrong = `sha256:${'0'.repeat(64)}`;
    const { status } = await approve('wrong', tag, wrong);
    expect(status?.phase).toBe('Refused');
    expect(status?.message).toContain(wrong);
    expect(status?.message).toContain(moved);
    expect(await recordsOf(tag)).toHaveLength(1);
  });

  it('makes the next generation in the name of who really asked, and the waiting rollout goes on', async () => {
    const tag = shop.tag('web');
    const recorded = await shop.push(tag, 'first');
    await succeed(shop.apply(deployment('web', tag)));
    await succeed(shop.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s'));
    const moved = await shop.push(tag, 'second');
    await shop.untilRefused(tag);
    await succeed(shop.kubectl('rollout', 'restart', 'deployment/web'));
    const told = async () => (await shop.kubectl('get', 'events')).stdout;
    await until(told, (text) => text.includes('ReplicaSet') || text.includes('FailedCreate'), PATIENCE_MS);
    expect((await podsOf('web')).map(({ spec }) => spec.containers[0]?.image)).toEqual([
      `${tag}@${recorded}`,
    ]);

    const { spec, status } = await approve('web', tag, moved);
    expect(status).toMatchObject({ phase: 'Accepted', generation: 1 });
    expect(spec.requestedBy).toBe(APPROVER);
    const records = await recordsOf(tag);
    expect(records.map(({ spec: { digest, generation } }) => ({ digest, generation }))).toEqual([
      { digest: recorded, generation: 0 },
      { digest: moved, generation: 1 },
    ]);
    expect(['Logged', 'Confirmed']).toContain(records[1]?.status.phase);
    await succeed(shop.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s'));
    const now = await until(
      () => podsOf('web'),
      (pods) => pods.length === 1,
      PATIENCE_MS,
    );
    expect(now[0]?.spec.containers[0]?.image).toBe(`${tag}@${moved}`);
  });
});

describe('a TagPolicy', () => {
  const policy = (name: string, images: string, fields: object = {}) => ({
    apiVersion: 'tagseal.dev/v1alpha1',
    kind: 'TagPolicy',
    metadata: { name },
    spec: { match: { images: [images] }, ...fields },
  });

  it('that is broken is refused when it is applied, and says what is wrong', async () => {
    const { code, stderr } = await shop.apply(policy('broken', 'ghcr.io/acme/a**b'));
    expect(code).not.toBe(0);
    expect(stderr).toContain('cannot use policy field "spec.match.images[0]"');
  });

  it('takes effect within seconds, and its status says so', async () => {
    const { tag } = await movedTag('lenient');
    const repository = tag.slice(0, -':1'.length);
    await succeed(shop.apply(policy('lenient', `${repository}:*`, { mode: 'warn' })));
    const { stderr } = await until(
      () => shop.apply(pod('lenient', tag), '--dry-run=server'),
      ({ code }) => code === 0,
      PATIENCE_MS,
    );
    expect(stderr).toContain('Warning:');
    expect(stderr).toContain('moved since');
    await succeed(shop.kubectl('wait', '--for=condition=Ready', 'tagpolicy/lenient', '--timeout=30s'));
  });
});

describe('what a person sees of the records', () => {
  it('is a table with digest, phase and place in the log', async () => {
    const [head = '', ...rows] = (await succeed(shop.kubectl('get', 'tagrecords'))).trimEnd().split('\n');
    expect(head.trim().split(/ {2,}/)).toEqual([
      ...['NAME', 'REFERENCE', 'DIGEST', 'PHASE', 'LOG INDEX', 'OBSERVED', 'AGE'],
    ]);
    expect(rows.find((row) => row.includes(shop.tag('files')))).toMatch(
      / [0-9a-f]{12} +(Logged|Confirmed) +\d+ /,
    );
  });

  it('is explained by kubectl explain', async () => {
    const explained = await succeed(shop.kubectl('explain', 'tagrecord.spec'));
    expect(explained).toContain('What was recorded. Immutable');
    expect(explained).toContain('The digest of the manifest that the tag means.');
  });
});

describe('the scan', () => {
  it('tells a running Pod that its tag has moved, and the record too', async () => {
    const { tag, moved } = await movedTag('watched');
    const isMoved = (records: readonly TagRecordSeen[]) => records[0]?.status.observed?.state === 'Moved';
    const [record] = await until(() => recordsOf(tag), isMoved, PATIENCE_MS);
    expect(record?.status.observed?.digest).toBe(moved);
    const events = () =>
      shop.read<{ items: readonly { note?: string; message?: string; reason: string }[] }>(
        ...['get', 'events', '--field-selector', 'involvedObject.kind=Pod,reason=TagMoved'],
      );
    const isTold = ({ items }: Awaited<ReturnType<typeof events>>) =>
      items.some(({ message = '' }) => message.includes(tag) && message.includes(moved));
    await until(events, isTold, PATIENCE_MS);
    expect((await shop.kubectl('describe', 'pod', 'watched-first')).stdout).toContain('TagMoved');
  });
});

describe('a Deployment with a moved tag', () => {
  it('is warned by kubectl apply', async () => {
    const { tag } = await movedTag('soon');
    const { code, stderr } = await shop.apply(deployment('soon', tag), '--dry-run=server');
    expect(code).toBe(0);
    expect(stderr).toContain('Warning:');
    expect(stderr).toContain('its Pods will be refused');
  });

  it('is refused by kubectl apply after an upgrade with workloads: deny', async () => {
    await installTagseal(cluster, values, { set: [SCAN, 'config.admission.workloads="deny"'] });
    const tag = shop.tag('soon');
    // the last of the old Pods answer for some seconds yet
    const probe = () => shop.apply(deployment('soon', tag), '--dry-run=server');
    await until(probe, ({ code }) => code !== 0, PATIENCE_MS);
    const { code, stderr } = await shop.apply(deployment('soon', tag));
    expect(code).not.toBe(0);
    const [record] = await recordsOf(tag);
    expect(stderr).toContain(record?.spec.digest);
    expect((await shop.kubectl('get', 'deployment', 'soon')).code).not.toBe(0);
  });
});

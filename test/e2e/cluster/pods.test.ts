import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { pushMarked } from '../stack/kubernetes/images.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { installTagseal, NAMESPACE, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 90_000;
const SHOP = 'shop';

let folder: TempFolder;
let cluster: StartedCluster;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  const values = await valuesFile(cluster, await buildTagsealImage(cluster));
  await installTagseal(cluster, values).catch(async (error: unknown) => {
    console.error(await told());
    throw error;
  });
  await succeed(cluster.kubectl(['create', 'namespace', SHOP]));
  await succeed(cluster.kubectl(['label', 'namespace', SHOP, 'tagseal.dev/mode=enforce']));
  // a Pod that is Ready is behind its Service once kube-proxy has heard of it
  const probe = () => apply(BARE.object('probe', cluster.busybox), '--dry-run=server');
  await until(probe, ({ code }) => code === 0, PATIENCE_MS);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What a person would look at. */
async function told(): Promise<string> {
  const place = ['-n', NAMESPACE];
  const looks = [
    ['get', 'pods', ...place],
    ['get', 'events', ...place],
    ...['webhook', 'controller', 'proxy'].map((role) => [
      'logs',
      ...place,
      '-l',
      `app.kubernetes.io/component=${role}`,
      '--tail=20',
    ]),
  ];
  const texts = await Promise.all(looks.map((args) => cluster.kubectl(args)));
  return texts.map(({ stdout, stderr }) => stdout + stderr).join('\n');
}

function apply(object: object, ...flags: readonly string[]) {
  return cluster.kubectl(['apply', '-n', SHOP, '-f', '-', ...flags], { input: JSON.stringify(object) });
}

interface Source {
  readonly kind: string;
  /** The object of that name that runs the image. */
  readonly object: (name: string, image: string) => object;
  /** Where the refusal stands. */
  readonly shown: 'kubectl' | 'events';
}

const container = (image: string) => ({ name: 'main', image });
const podSpec = (image: string) => ({ containers: [container(image)], terminationGracePeriodSeconds: 0 });
const template = (name: string, image: string) => ({
  metadata: { labels: { app: name } },
  spec: podSpec(image),
});
const selected = (name: string) => ({ selector: { matchLabels: { app: name } } });

function workload(
  kind: string,
  spec: (name: string, image: string) => object,
  apiVersion = 'apps/v1',
): Source {
  return {
    kind,
    shown: 'events',
    object: (name, image) => ({ apiVersion, kind, metadata: { name }, spec: spec(name, image) }),
  };
}

const job = (name: string, image: string) => ({
  backoffLimit: 0,
  template: { ...template(name, image), spec: { ...podSpec(image), restartPolicy: 'Never' } },
});

const BARE: Source = {
  kind: 'Pod',
  shown: 'kubectl',
  object: (name, image) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: podSpec(image),
  }),
};

const SOURCES: readonly Source[] = [
  BARE,
  workload('Deployment', (name, image) => ({ ...selected(name), template: template(name, image) })),
  workload('StatefulSet', (name, image) => ({
    ...selected(name),
    serviceName: name,
    template: template(name, image),
  })),
  workload('DaemonSet', (name, image) => ({ ...selected(name), template: template(name, image) })),
  workload('Job', job, 'batch/v1'),
  workload(
    'CronJob',
    (name, image) => ({ schedule: '* * * * *', jobTemplate: { spec: job(name, image) } }),
    'batch/v1',
  ),
];

interface RunningPod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly imageID: string; readonly ready: boolean }[];
  };
}

async function podsOf(app: string): Promise<readonly RunningPod[]> {
  const json = await succeed(cluster.kubectl(['get', 'pods', '-n', SHOP, '-l', `app=${app}`, '-o', 'json']));
  return (JSON.parse(json) as { items: readonly RunningPod[] }).items;
}

async function runningPod(app: string): Promise<RunningPod> {
  const isRunning = (pods: readonly RunningPod[]) =>
    pods.some(({ status }) => status.containerStatuses?.[0]?.ready === true);
  const pods = await until(() => podsOf(app), isRunning, PATIENCE_MS);
  const [pod] = pods;
  if (pod === undefined) throw new Error('no Pod');
  return pod;
}

/** A CronJob starts at full minutes: it is told to start now. */
async function start({ kind }: Source, name: string): Promise<void> {
  if (kind !== 'CronJob') return;
  await succeed(cluster.kubectl(['create', 'job', '-n', SHOP, `--from=cronjob/${name}`, `${name}-now`]));
}

describe.each(SOURCES)('the Pod of a $kind', (source) => {
  const name = source.kind.toLowerCase();
  const tag = () => `${cluster.registry.host}/shop/${name}:1`;
  let recorded: string;

  it('is pinned as typed plus digest, and runs', async () => {
    recorded = await pushMarked(cluster, tag(), 'first');
    const { code, stderr } = await apply(source.object(name, tag()));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await start(source, name);
    const { spec, status } = await runningPod(name);
    expect(spec.containers.map(({ image }) => image)).toEqual([`${tag()}@${recorded}`]);
    expect(status.containerStatuses?.[0]?.imageID).toContain(recorded);
  });

  it('is refused once the tag has moved, with both digests where a person looks', async () => {
    const moved = await pushMarked(cluster, tag(), 'second');
    const again = `${name}-again`;
    // look-ups are shared for ten seconds
    const probe = () => apply(BARE.object('probe', tag()), '--dry-run=server');
    await until(probe, ({ stderr }) => stderr.includes('tag moved'), PATIENCE_MS);
    const { stderr } = await apply(source.object(again, tag()));
    if (source.shown === 'kubectl') {
      expect(stderr).toContain(recorded);
      expect(stderr).toContain(moved);
      return;
    }
    await start(source, again);
    const events = () =>
      cluster.kubectl([
        'get',
        'events',
        '-n',
        SHOP,
        '-o',
        'jsonpath={range .items[*]}{.message}{"\\n"}{end}',
      ]);
    const isTold = ({ stdout }: { stdout: string }) => stdout.includes(tag()) && stdout.includes(moved);
    const { stdout } = await until(events, isTold, PATIENCE_MS);
    expect(stdout).toContain(recorded);
    expect((await podsOf(again)).length).toBe(0);
  });
});

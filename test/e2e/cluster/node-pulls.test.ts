import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { openShop, pod, type Shop } from '../stack/kubernetes/shop.ts';
import { buildTagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { installTagseal, NAMESPACE, valuesFile } from '../stack/kubernetes/tagseal-release.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 90_000;
const PORT = 30_550;

let folder: TempFolder;
let cluster: StartedCluster;
let shop: Shop;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  const values = await valuesFile(cluster, await buildTagsealImage(cluster));
  const service = JSON.stringify({ type: 'NodePort', nodePort: PORT });
  await installTagseal(cluster, values, { set: [`proxy.service=${service}`] });
  // from now on the node reaches the registry by the proxy alone, as docs/kubernetes.md says
  const hosts = join(cluster.containerd.registryHosts, cluster.registry.host, 'hosts.toml');
  await writeFile(hosts, `server = "http://127.0.0.1:${PORT}"\n`);
  // no label: nobody but the node asks about its Pods
  shop = await openShop(cluster, 'plain');
  await until(
    () => pulled(cluster.busybox),
    ({ status }) => status === 200,
    PATIENCE_MS,
  );
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Asks the proxy for the manifest as the node does, from outside of the cluster. */
async function pulled(image: string): Promise<{ status: number }> {
  const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(image) ?? [];
  const url = `http://${cluster.address}:${PORT}/v2/${repository}/manifests/${tag}?ns=${host}`;
  const { status } = await fetch(url).catch(() => ({ status: 0 }));
  return { status };
}

interface RecordSeen {
  readonly spec: { readonly reference: string; readonly digest: string };
  readonly status: { readonly origin: string };
}

interface PodSeen {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly containerStatuses?: readonly { readonly imageID: string }[] };
}

const fresh = (name: string, image: string) => pod(name, image, { container: { imagePullPolicy: 'Always' } });

/** What the Events of the Pod say, once they say this. */
function told(name: string, text: string): Promise<string> {
  const look = () =>
    succeed(
      shop.kubectl(
        ...['get', 'events', '--field-selector', `involvedObject.name=${name}`],
        ...['-o', String.raw`jsonpath={range .items[*]}{.message}{"\n"}{end}`],
      ),
    );
  return until(look, (seen) => seen.includes(text), PATIENCE_MS);
}

describe('a node that pulls through the proxy in the cluster', () => {
  const tag = () => shop.tag('app');
  let recorded: string;

  it('runs a Pod as it was typed, and the tag is recorded', async () => {
    recorded = await shop.push(tag(), 'first');
    await succeed(shop.apply(fresh('first', tag())));
    await shop.ready('first');
    const { spec, status } = await shop.read<PodSeen>('get', 'pod', 'first');
    expect(spec.containers[0]?.image).toBe(tag());
    expect(status.containerStatuses?.[0]?.imageID).toContain(recorded);
    const { items } = await shop.read<{ items: readonly RecordSeen[] }>('get', 'tagrecords');
    const record = items.find(({ spec: { reference } }) => reference === tag());
    expect(record).toMatchObject({ spec: { digest: recorded }, status: { origin: 'proxy' } });
  });

  it('runs no moved tag, and the Events of the Pod name both digests', async () => {
    const moved = await shop.push(tag(), 'second');
    // both replicas, which share no look-up: so many at once are on as many connections
    await until(
      () => Promise.all(Array.from({ length: 20 }, () => pulled(tag()))),
      (answers) => answers.every(({ status }) => status === 403),
      PATIENCE_MS,
    );
    await succeed(shop.apply(fresh('second', tag())));
    const text = await told('second', 'reason=');
    expect(text).toContain(`reason=tag-moved-want-${recorded}-got-${moved}: 403 Forbidden`);
    const { status } = await shop.read<PodSeen>('get', 'pod', 'second');
    expect(status.containerStatuses?.[0]?.imageID).toBe('');
  });

  it('pulls nothing while the proxy is away, and goes on when it is back', async () => {
    const scale = (replicas: number) =>
      succeed(
        cluster.kubectl(['scale', 'deployment/tagseal-proxy', '-n', NAMESPACE, `--replicas=${replicas}`]),
      );
    const other = shop.tag('other');
    await shop.push(other, 'other');
    await scale(0);
    await until(
      () => pulled(cluster.busybox),
      ({ status }) => status === 0,
      PATIENCE_MS,
    );
    await succeed(shop.apply(fresh('waits', other)));
    expect(await told('waits', 'Failed to pull image')).toContain(`127.0.0.1:${PORT}`);
    await scale(2);
    // the kubelet asks again for the other only after a long pause
    await until(
      () => pulled(other),
      ({ status }) => status === 200,
      PATIENCE_MS,
    );
    await succeed(shop.apply(fresh('after', other)));
    await shop.ready('after');
  });
});

import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { buildTagsealImage, type TagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { until } from '../stack/until.ts';

const MOST_BYTES = 200_000_000;
const PATIENCE_MS = 60_000;

let folder: TempFolder;
let cluster: StartedCluster;
let tagseal: TagsealImage;
beforeAll(async () => {
  folder = await makeTempFolder();
  cluster = await startCluster({ folder: folder.path, rekor: true });
  tagseal = await buildTagsealImage(cluster);
});
afterAll(async () => {
  const { name } = cluster.namespace;
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  // nothing of it is left on the machine
  expect(existsSync(`/sys/class/net/${name}`)).toBe(false);
  expect(existsSync(`/sys/fs/cgroup/memory/${name}`)).toBe(false);
  expect(await readFile('/proc/mounts', 'utf8')).not.toContain(folder.path);
});

/** A Pod of one container, named as it. */
function pod(name: string, container: object, labels: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { restartPolicy: 'Never', containers: [{ name, ...container }] },
  };
}

async function apply(...objects: readonly object[]): Promise<void> {
  for (const object of objects) {
    await succeed(cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) }));
  }
}

const ready = (name: string) =>
  succeed(cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']));

describe('the cluster', () => {
  it('has one node, on the containerd that knows image volumes', async () => {
    const wanted = '{range .items[*]}{.metadata.name} {.status.nodeInfo.containerRuntimeVersion}{end}';
    const nodes = await succeed(cluster.kubectl(['get', 'nodes', '-o', `jsonpath=${wanted}`]));
    expect(nodes).toMatch(/^node1 containerd:\/\/2\.2\.1/);
  });

  it('runs a Pod, and a command in it', async () => {
    await apply(pod('waits', { image: cluster.busybox }));
    await ready('waits');
    expect(await succeed(cluster.kubectl(['exec', 'waits', '--', 'echo', 'here']))).toBe('here\n');
  });

  it("runs Tagseal's image without root on a read-only root", async () => {
    const securityContext = {
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    };
    await apply(pod('version', { image: tagseal.image, args: ['--version'], securityContext }));
    await succeed(
      cluster.kubectl([
        ...['wait', '--for=jsonpath={.status.phase}=Succeeded'],
        ...['pod/version', '--timeout=60s'],
      ]),
    );
    expect(await succeed(cluster.kubectl(['logs', 'version']))).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("has an image of Tagseal's below 200 MB", async () => {
    const manifest = JSON.parse(await cluster.crane(['manifest', tagseal.image])) as {
      readonly layers: readonly { readonly size: number }[];
    };
    const packed = manifest.layers.reduce((sum, { size }) => sum + size, 0);
    expect(packed).toBeLessThan(MOST_BYTES);
  });

  it('calls a Service from the API server', async () => {
    const args = ['-c', 'echo from the Pod > /www/index.html; exec httpd -f -p 8080 -h /www'];
    const container = { image: cluster.busybox, command: ['/bin/sh'], args };
    const port = { port: 80, targetPort: 8080 };
    await apply(pod('web', container, { app: 'web' }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [port] },
    });
    await ready('web');
    const address = await succeed(
      cluster.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']),
    );
    const get = async () =>
      (await cluster.inside('wget', ['-q', '-O', '-', '--timeout=2', '--tries=1', `http://${address}`]))
        .stdout;
    expect(await until(get, (text) => text !== '', PATIENCE_MS)).toBe('from the Pod\n');
  });

  it('reaches servers of this process from Pods, and a way out from nowhere', async () => {
    await using server = createServer((_request, response) => {
      response.end('from the test');
    }).listen(0, cluster.hostAddress);
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const fetched = (url: string) => cluster.kubectl(['exec', 'waits', '--', 'wget', '-q', '-O', '-', url]);
    expect((await fetched(`http://${cluster.hostAddress}:${port}/`)).stdout).toBe('from the test');
    const { stderr } = await fetched('http://192.0.2.1/');
    expect(stderr).toContain('Network is unreachable');
  });

  it('shows the private log to Pods, for writing and for reading', async () => {
    const urls = [`${cluster.rekor?.url}/healthz`, `${cluster.rekor?.readUrl}/checkpoint`];
    for (const url of urls) {
      const { code } = await cluster.kubectl([...['exec', 'waits', '--', 'wget', '-q', '-O', '-', url]]);
      expect({ url, code }).toEqual({ url, code: 0 });
    }
  });

  it.each(['etcd', 'apiServer', 'kubelet', 'registry'] as const)(
    'goes on when %s is killed and comes back',
    async (part) => {
      await cluster[part].kill();
      await cluster[part].start();
      const name = `after-${part.toLowerCase()}`;
      await until(
        () =>
          cluster.kubectl(['apply', '-f', '-'], {
            input: JSON.stringify(pod(name, { image: cluster.busybox, imagePullPolicy: 'Always' })),
          }),
        ({ code }) => code === 0,
        PATIENCE_MS,
      );
      expect(await ready(name)).toContain('condition met');
    },
  );
});

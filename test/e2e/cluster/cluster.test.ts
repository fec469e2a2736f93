import { createServer } from 'node:http';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startCluster, type StartedCluster } from '../stack/kubernetes/cluster.ts';
import { pushMarked } from '../stack/kubernetes/images.ts';
import { buildTagsealImage, type TagsealImage } from '../stack/kubernetes/tagseal-image.ts';
import { until } from '../stack/until.ts';

const MOST_BYTES = 200_000_000;
const PATIENCE_MS = 60_000;
const HOUR_MS = 3_600_000;

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

/** Denies what it is asked about. */
const JUDGE = `
require('node:https')
  .createServer({ cert: process.env.CERT, key: process.env.KEY }, async (request, response) => {
    const { request: { uid } } = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const status = { code: 403, message: 'by the Pod' };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: false, status },
    }));
  })
  .listen(8443);
`;

/** Sends it the ConfigMaps named `judged`. */
function webhookOf(ca: string): object {
  const service = { name: 'judge', namespace: 'default' };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'judge' },
    webhooks: [
      {
        name: 'judge.tagseal.test',
        clientConfig: { service, caBundle: Buffer.from(ca).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        matchConditions: [{ name: 'named', expression: 'object.metadata.name == "judged"' }],
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
      },
    ],
  };
}

/** A Pod of one container, named as it. */
function pod(name: string, container: object, labels: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { restartPolicy: 'Never', containers: [{ name, ...container }], ...spec },
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

  it('calls a webhook behind a Service from the API server', async () => {
    const now = Date.now();
    const authority = await makeAuthority({ lifetimeMs: HOUR_MS, now });
    const { cert, key } = await issueLeaf({
      authority,
      names: ['judge.default.svc'],
      lifetimeMs: HOUR_MS,
      now,
    });
    await apply(
      pod(
        'judge',
        {
          image: tagseal.image,
          command: ['/nodejs/bin/node', '-e', JUDGE],
          env: [
            { name: 'CERT', value: cert },
            { name: 'KEY', value: key },
          ],
          readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
        },
        { app: 'judge' },
      ),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'judge' },
        spec: { selector: { app: 'judge' }, ports: [{ port: 443, targetPort: 8443 }] },
      },
    );
    await ready('judge');
    await apply(webhookOf(authority.cert));
    const name = 'judged';
    const create = () => cluster.kubectl(['create', 'configmap', name, '--dry-run=server']);
    // the API server learns of the registration a little later
    const { stderr } = await until(create, ({ code }) => code !== 0, PATIENCE_MS);
    expect(stderr).toContain('judge.tagseal.test" denied the request: by the Pod');
    await succeed(cluster.kubectl(['delete', 'validatingwebhookconfiguration', 'judge']));
  });

  it('mounts an image as a volume, pulled by a host of containerd that a test wrote', async () => {
    const image = `${cluster.registry.host}/team/volume:1`;
    await pushMarked(cluster, image, 'from the image');
    // a name that only hosts.toml leads to the registry
    const alias = 'registry.example';
    const hosts = join(cluster.containerd.registryHosts, alias);
    await mkdir(hosts);
    await writeFile(join(hosts, 'hosts.toml'), `server = "http://${cluster.registry.host}"\n`);
    const volumes = [{ name: 'v', image: { reference: `${alias}/team/volume:1` } }];
    const container = { image: cluster.busybox, volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    await apply(pod('volume', container, {}, { volumes }));
    await ready('volume');
    expect(await succeed(cluster.kubectl(['exec', 'volume', '--', 'cat', '/v/marker']))).toBe(
      'from the image',
    );
  });

  it.each(['helm3', 'helm4'] as const)('is reached by %s', async (helm) => {
    expect(await succeed(cluster[helm](['list', '-o', 'json']))).toBe('[]\n');
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

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runProcess } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { CASES, CHART, objectsOf, valuesOf, type Rendered } from './render.ts';

/** Kinds of operators that a bare API server does not know. */
const FOREIGN = /^(?:cert-manager\.io|monitoring\.coreos\.com)\//;
const DIGEST = `sha256:${'a'.repeat(64)}`;

let folder: TempFolder;
let plane: StartedControlPlane;
beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
  for (const name of ['tagseal-system', 'tagseal-test', 'seals', 'seal-test', 'shop', 'bank', 'free'])
    await succeed(plane.kubectl(['create', 'namespace', name]));
  await succeed(plane.kubectl(['label', 'namespace', 'shop', 'tagseal.dev/mode=enforce']));
  await succeed(plane.kubectl(['label', 'namespace', 'bank', 'tagseal.dev/mode=audit']));
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function apply(objects: readonly Rendered[], ...flags: readonly string[]) {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  return plane.kubectl(['apply', '--server-side', '--validate=strict', ...flags, '-f', '-'], { input });
}

describe('a real API server', () => {
  it.each(CASES)('takes what %s values render to, and knows every field', async (values) => {
    const objects = (await objectsOf('helm4', valuesOf(values))).filter(
      ({ apiVersion }) => !FOREIGN.test(apiVersion),
    );
    const { code, stderr } = await apply(objects, '--dry-run=server');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('knows a field that is not there', async () => {
    const [first] = await objectsOf('helm4', []);
    const { code, stderr } = await apply([{ ...(first as Rendered), surprise: true }], '--dry-run=server');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('surprise') });
  });
});

/** The API server reads policies and labels from its cache. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) if (await holds()) return;
  throw new Error('it did not come to be in 100 tries');
}

interface PodImages {
  readonly containers?: string;
  readonly initContainers?: string;
  readonly volume?: string;
}

function podWith({ containers = `a@${DIGEST}`, initContainers, volume }: PodImages): Rendered {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one' },
    spec: {
      containers: [{ name: 'a', image: containers }],
      ...(initContainers !== undefined && { initContainers: [{ name: 'b', image: initContainers }] }),
      ...(volume !== undefined && { volumes: [{ name: 'v', image: { reference: volume } }] }),
    },
  };
}

describe('the second lock', () => {
  beforeAll(async () => {
    const objects = await objectsOf('helm4', ['--set', 'validatingAdmissionPolicy.enabled=true']);
    await succeed(apply(objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))));
    await eventually(async () => (await dryRun('shop', podWith({ containers: 'a:1' }))).code !== 0);
  });

  function dryRun(namespace: string, pod: Rendered) {
    const input = JSON.stringify(pod);
    return plane.kubectl(['create', '-n', namespace, '--dry-run=server', '-f', '-'], { input });
  }

  it.each([
    ['a container', podWith({ containers: 'a:1' }), 'a:1'],
    ['an init container', podWith({ initContainers: 'b:1' }), 'b:1'],
    ['an image volume', podWith({ volume: 'c:1' }), 'c:1'],
    ['a digest that is none', podWith({ containers: 'a@sha256:abc' }), 'a@sha256:abc'],
  ])('refuses %s without a digest where the namespace enforces', async (_what, pod, image) => {
    const { code, stderr } = await dryRun('shop', pod);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`images must carry a digest: ${image}`),
    });
  });

  it.each(['bank', 'free', 'kube-system'])('lets namespace %s alone', async (namespace) => {
    expect((await dryRun(namespace, podWith({ containers: 'a:1' }))).code).toBe(0);
  });

  it('lets digests pass in every place', async () => {
    const pod = podWith({ initContainers: `b:1@${DIGEST}`, volume: `c@${DIGEST}` });
    expect((await dryRun('shop', pod)).code).toBe(0);
  });

  it('judges of an update only what it changes', async () => {
    const at = ['-n', 'free'];
    await succeed(
      plane.kubectl(['create', ...at, '-f', '-'], {
        input: JSON.stringify(podWith({ containers: 'old:1' })),
      }),
    );
    await succeed(plane.kubectl(['label', 'namespace', 'free', 'tagseal.dev/mode=enforce']));
    const change = (image: string) =>
      plane.kubectl([
        'patch',
        'pod',
        'one',
        ...at,
        '-p',
        JSON.stringify({ metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image }] } }),
      ]);
    await eventually(async () => (await change('new:1')).code !== 0);
    expect((await change('old:1')).code).toBe(0);
    expect((await change(`new:1@${DIGEST}`)).code).toBe(0);
    await succeed(plane.kubectl(['label', 'namespace', 'free', 'tagseal.dev/mode-']));
  });
});

describe('the scripts of the Jobs', () => {
  let environment: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const account = join(folder.path, 'account');
    await mkdir(account);
    const roles = await objectsOf('helm4', []);
    const names = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
    const rights = roles.filter(
      ({ kind, metadata }) => names.includes(kind) && /cleanup|test/.test(metadata.name),
    );
    await succeed(apply(rights));
    await writeFile(join(account, 'ca.crt'), await readFile(plane.caFile));
    const { hostname, port } = new URL(plane.server);
    environment = {
      SERVICE_ACCOUNT_FOLDER: account,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
    };
  });

  async function run(account: string, script: string, ...args: readonly string[]) {
    const token = await succeed(plane.kubectl(['create', 'token', account, '-n', 'tagseal-system']));
    await writeFile(join(environment['SERVICE_ACCOUNT_FOLDER'] ?? '', 'token'), token);
    return runProcess(process.execPath, [join(CHART, 'files', script), ...args], { env: environment });
  }

  async function configurations(): Promise<string> {
    return succeed(
      plane.kubectl(['get', 'mutatingwebhookconfigurations,validatingwebhookconfigurations', '-o', 'name']),
    );
  }

  it('delete both webhook configurations, and nothing is wrong when they are gone', async () => {
    const objects = await objectsOf('helm4', []);
    await succeed(apply(objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'))));
    expect(await configurations()).toContain('tagseal');
    expect((await run('tagseal-cleanup', 'remove-webhooks.mjs', 'tagseal')).code).toBe(0);
    expect(await configurations()).toBe('');
    const again = await run('tagseal-cleanup', 'remove-webhooks.mjs', 'tagseal');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('was not there');
  });

  it('say what they may not delete', async () => {
    const { code, stderr } = await run('tagseal-test', 'remove-webhooks.mjs', 'tagseal');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('403') });
  });

  it('see whether a dry-run Pod is pinned', async () => {
    const test = () => run('tagseal-test', 'pinned.mjs', 'tagseal-test', 'a:1', '1');
    const before = await test();
    expect({ code: before.code, stderr: before.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(
        'a:1 is not pinned in namespace tagseal-test: the image came back as a:1',
      ),
    });
    await succeed(apply(PINNING));
    await eventually(async () => (await test()).code === 0);
    expect((await test()).stdout).toBe(`a:1 is pinned: a:1@${DIGEST}\n`);
    expect(await succeed(plane.kubectl(['get', 'pods', '-n', 'tagseal-test', '-o', 'name']))).toBe('');
  });
});

/** The API server itself does what the webhook would. */
const PINNING: readonly Rendered[] = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: 'pin' },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] },
        ],
      },
      mutations: [
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression: `[JSONPatch{op: "replace", path: "/spec/containers/0/image", value: object.spec.containers[0].image + "@${DIGEST}"}]`,
          },
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name: 'pin' },
    spec: {
      policyName: 'pin',
      matchResources: {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'tagseal-test' } },
      },
    },
  },
];

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pushImage } from '../../support/push-image.ts';
import { startServe } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startContainerd, type StartedContainerd } from '../stack/containerd.ts';
import { goTool, onPath } from '../stack/install.ts';
import { startRegistry, type StartedRegistry } from '../stack/start.ts';

const DOCS = join(import.meta.dirname, '../../../docs/clients');
/** What the documents name, and the mirror from which it really comes. */
const IMAGES = [
  'ghcr.io/acme/api:1.4.2',
  'ghcr.io/acme/files:1',
  'quay.io/acme/app:1',
  'docker.io/library/alpine:3.16.0',
];
const CHART = { repository: 'ghcr.io/acme/charts', name: 'app', version: '1.2.3' };

let folder: TempFolder;
let registry: StartedRegistry;
let containerd: StartedContainerd;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startRegistry(join(folder.path, 'registry'));
  containerd = await startContainerd(join(folder.path, 'containerd'));
  env = {
    HOME: folder.path,
    CONTAINERD_ADDRESS: containerd.address,
    CONTAINERD_SNAPSHOTTER: 'native',
    PATH: [
      ...(['crane', 'oras', 'helm4'] as const).map((name) => dirname(goTool(name))),
      process.env['PATH'],
    ].join(':'),
  };
  // skopeo does nothing without; distributions bring it
  const policies = join(folder.path, '.config/containers');
  await mkdir(policies, { recursive: true });
  await writeFile(join(policies, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
});

afterAll(async () => {
  await containerd[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Every image and the chart; with another text under the same tags they have moved. */
async function fill(text: string): Promise<void> {
  for (const image of IMAGES) {
    const [repository = '', tag = ''] = image.split(':');
    await pushImage({ registryUrl: `http://${registry.host}`, repository, tag, text: `${image} ${text}` });
  }
  const source = join(folder.path, text, CHART.name);
  await mkdir(source, { recursive: true });
  const lines = [
    'apiVersion: v2',
    `name: ${CHART.name}`,
    `version: ${CHART.version}`,
    `description: ${text}`,
  ];
  await writeFile(join(source, 'Chart.yaml'), lines.join('\n'));
  const destination = join(folder.path, text);
  done(await runProcess(goTool('helm4'), ['package', source, '--destination', destination]));
  const file = join(destination, `${CHART.name}-${CHART.version}.tgz`);
  done(
    await runProcess(goTool('helm4'), [
      'push',
      '--plain-http',
      file,
      `oci://${registry.host}/${CHART.repository}`,
    ]),
  );
}

function done(finished: Finished): void {
  expect(finished).toMatchObject({ code: 0 });
}

/** The proxy where the documents have it; it asks the local registry first for all that they name. */
function startProxy() {
  const mirrors = ['ghcr.io', 'quay.io', 'docker.io'].map((name) => [
    name,
    [`http://${registry.host}/${name}`],
  ]);
  return startServe({
    folder: folder.path,
    registries: [],
    config: [],
    proxy: { listen: '127.0.0.1:5050' },
    env: {
      TAGSEAL_REGISTRIES_ALLOW: 'ghcr.io,quay.io,docker.io',
      TAGSEAL_REGISTRIES_PLAIN_HTTP: registry.host,
      TAGSEAL_REGISTRIES_MIRRORS: JSON.stringify(Object.fromEntries(mirrors)),
    },
  });
}

async function blocksOf(file: string, language: string): Promise<readonly string[]> {
  const text = await readFile(join(DOCS, file), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  return [...blocks].map(([, block = '']) => block);
}

/** Each command of a document, as written, in an empty folder. */
async function follow(file: string, run: string): Promise<readonly Finished[]> {
  const cwd = join(folder.path, `${file}-${run}`);
  await mkdir(cwd);
  const all: Finished[] = [];
  for (const command of (await blocksOf(file, 'sh')).flatMap((block) => block.trim().split('\n'))) {
    const own = command.replace('/etc/containerd/certs.d', join(folder.path, 'certs.d'));
    all.push(await runProcess('/bin/sh', ['-c', own], { cwd, env }));
  }
  return all;
}

describe('the recipes for the clients of the proxy', () => {
  it.each(['crane.md', 'skopeo.md', 'oras.md', 'helm.md', 'containerd.md'])(
    '%s pull as written, and refuse what has moved',
    async (file) => {
      const [, everything = ''] = await blocksOf('containerd.md', 'toml');
      expect(await blocksOf('kubelet.md', 'toml')).toEqual([everything]);
      await mkdir(join(folder.path, 'certs.d/_default'), { recursive: true });
      await writeFile(join(folder.path, 'certs.d/_default/hosts.toml'), everything);
      expect(onPath('skopeo')).toBeDefined();
      await fill('first');
      {
        await using proxy = await startProxy();
        expect(proxy.proxy).toContain(':5050');
        const pulled = await follow(file, 'first');
        expect(pulled.length).toBeGreaterThan(0);
        for (const { code, stderr } of pulled)
          expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      }
      await fill('moved');
      await using proxy = await startProxy();
      expect(proxy.proxy).toContain(':5050');
      for (const each of await follow(file, 'moved')) {
        expect(each.code).not.toBe(0);
        expect(each.stdout + each.stderr).toMatch(/mismatch|403 Forbidden/);
      }
    },
  );
});

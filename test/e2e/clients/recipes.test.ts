import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { runProcess } from '../../support/start-process.ts';
import { startContainerd } from '../stack/containerd.ts';
import { criPull } from '../stack/cri.ts';
import { startDocker } from '../stack/docker.ts';
import { makeRecipes, type Recipes } from './recipes.ts';

const ALPINE = 'docker.io/library/alpine:3.16.0';

const stack = new AsyncDisposableStack();
let recipes: Recipes;
let sockets: Readonly<Record<'1.6' | '2.x', string>>;

beforeAll(async () => {
  const folder = stack.use(await makeTempFolder()).path;
  const certsDir = join(folder, 'certs.d');
  const one = stack.use(await startContainerd(join(folder, 'containerd-1'), { certsDir }));
  const two = stack.use(await startContainerd(join(folder, 'containerd-2'), { certsDir, version: '2.x' }));
  const docker = stack.use(await startDocker(join(folder, 'docker')));
  sockets = { '1.6': one.address, '2.x': two.address };
  recipes = stack.use(
    await makeRecipes({
      CONTAINERD_ADDRESS: one.address,
      CONTAINERD_SNAPSHOTTER: 'native',
      CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
      DOCKER_HOST: docker.host,
      BUILDAH_ISOLATION: 'chroot',
    }),
  );
  const { env } = recipes;
  await write(
    env['CONTAINERS_STORAGE_CONF'],
    `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/root"\nrunroot = "${folder}/run"\n`,
  );
  // skopeo, podman and buildah do nothing without; distributions bring it
  await write(
    join(recipes.folder, '.config/containers/policy.json'),
    '{"default":[{"type":"insecureAcceptAnything"}]}',
  );
  // the file for every registry is the same for containerd and for a kubelet's node
  const [, everything = ''] = await recipes.blocks('containerd.md', 'toml');
  expect(await recipes.blocks('kubelet.md', 'toml')).toEqual([everything]);
  for (const each of [certsDir, join(recipes.folder, 'certs.d')])
    await write(join(each, '_default/hosts.toml'), everything);
});
afterAll(() => stack.disposeAsync());

async function write(file: string | undefined, text: string): Promise<void> {
  if (file === undefined) throw new Error('no such file');
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
}

/** One more command, in the environment of the others. */
async function run(command: string) {
  return [await runProcess('/bin/sh', ['-c', command], { cwd: recipes.folder, env: recipes.env })];
}

async function useRegistriesConf(file: string, block: number): Promise<void> {
  const text = (await recipes.blocks(file, 'toml'))[block];
  expect(text).toContain('location = "127.0.0.1:5050/');
  await write(join(recipes.folder, '.config/containers/registries.conf'), text ?? '');
}

/** Who fell back to the registry would tell of its address, which cannot be reached here. */
async function expectNothingWithoutProxy(image: string): Promise<void> {
  const [without] = await run(`podman pull ${image}`);
  expect(without).toMatchObject({ code: 125, stderr: expect.stringContaining('127.0.0.1:5050') });
  expect(without?.stderr).not.toMatch(/lookup|no such host/);
}

describe('the recipes for the clients of the proxy', () => {
  it.each(['crane.md', 'skopeo.md', 'oras.md', 'helm.md', 'containerd.md'])(
    '%s: pulls as written, and refuses what has moved',
    async (file) => {
      await recipes.expectSealed(() => recipes.follow(file));
    },
  );

  it.each([
    ['all of it through the proxy', 0],
    ['digests straight from the registry', 1],
  ])('podman.md: pulls as written, with %s, and refuses what has moved', async (_title, block) => {
    await useRegistriesConf('podman.md', block);
    await recipes.expectSealed(() => recipes.follow('podman.md'), /mismatch/);
    await expectNothingWithoutProxy('quay.io/acme/app:1');
  });

  it('cri-o.md: its file, read by podman, has tags sealed', async () => {
    await useRegistriesConf('cri-o.md', 0);
    await recipes.expectSealed(() => run(`podman pull ${ALPINE}`), /mismatch/);
    await expectNothingWithoutProxy(ALPINE);
  });

  it.each(['1.6', '2.x'] as const)(
    'kubelet.md: the CRI of containerd %s pulls, refuses what has moved, and everything while there is no proxy',
    async (version) => {
      const pull = async () => [await criPull(sockets[version], ALPINE)];
      await recipes.expectSealed(pull, /403 Forbidden/);
      const [without] = await pull();
      expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('127.0.0.1:5050') });
    },
  );
});

describe('docker.md', () => {
  it.each([
    ['by the engine', '0', /mismatch/],
    ['by BuildKit', '1', /mismatch|403 Forbidden/],
  ])(
    'pulls, and builds each Dockerfile %s, as written, and refuses what has moved',
    async (_by, kit, refused) => {
      const [plain = '', withArgument = ''] = await recipes.blocks('docker.md', 'dockerfile');
      const env = { DOCKER_BUILDKIT: kit };
      await recipes.expectSealed(
        async () => [
          ...(await recipes.follow('docker.md', { files: { Dockerfile: plain }, env })),
          ...(await recipes.follow('docker.md', {
            files: { Dockerfile: withArgument },
            env,
            only: /--build-arg/,
          })),
        ],
        refused,
      );
    },
  );

  it('has buildah build each Dockerfile, and refuse what has moved', async () => {
    const [plain = '', withArgument = ''] = await recipes.blocks('docker.md', 'dockerfile');
    await write(join(recipes.folder, 'plain/Dockerfile'), plain);
    await write(join(recipes.folder, 'argument/Dockerfile'), withArgument);
    const build = 'buildah build --pull-always --tls-verify=false';
    await recipes.expectSealed(
      async () => [
        ...(await run(`${build} plain`)),
        ...(await run(`${build} --build-arg REGISTRY=127.0.0.1:5050/library argument`)),
      ],
      /mismatch/,
    );
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { proxied, startServe, type Served } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startContainerd, type StartedContainerd } from '../stack/containerd.ts';
import { goTool, onPath } from '../stack/install.ts';
import { freePorts, startRegistry, type StartedRegistry } from '../stack/start.ts';

let folder: TempFolder;
let registry: StartedRegistry;
let containerd: StartedContainerd;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startRegistry(join(folder.path, 'registry'));
  containerd = await startContainerd(join(folder.path, 'containerd'));
});

afterAll(async () => {
  await containerd[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Client {
  readonly name: string;
  /** Pulls `reference` (of the proxy, plain HTTP) whole. */
  readonly pull: (reference: string, target: string) => Promise<Finished>;
  /** Pushes to the registry, as `to`, what it pulls from there as `from`. */
  readonly push: (from: string, to: string) => Promise<Finished>;
  /** What a refused pull prints. */
  readonly refusal: RegExp;
}

const MISMATCH =
  /tag \\?"127\.0\.0\.1:\d+\/[a-z0-9]+\/app:1\\?" mismatch; got \\?"sha256:[0-9a-f]{64}\\?", want \\?"sha256:[0-9a-f]{64}/;

const clients: readonly Client[] = [
  {
    name: 'crane',
    pull: (reference, target) =>
      runProcess(goTool('crane'), ['pull', '--insecure', '--format', 'oci', reference, target]),
    push: (from, to) => runProcess(goTool('crane'), ['copy', '--insecure', from, to]),
    refusal: MISMATCH,
  },
  {
    name: 'skopeo',
    pull: (reference, target) =>
      runProcess(onPath('skopeo') ?? 'skopeo', [
        '--insecure-policy',
        'copy',
        '--all',
        '--src-tls-verify=false',
        `docker://${reference}`,
        `oci:${target}:pulled`,
      ]),
    push: (from, to) =>
      runProcess(onPath('skopeo') ?? 'skopeo', [
        '--insecure-policy',
        'copy',
        '--all',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        `docker://${from}`,
        `docker://${to}`,
      ]),
    refusal: MISMATCH,
  },
  {
    name: 'ctr 2.4',
    pull: (reference) => ctrPull(goTool('ctr'), '--local', reference),
    push: (from, to) => ctrPush(goTool('ctr'), ['--local'], from, to),
    refusal: MISMATCH,
  },
  {
    // containerd 1.6 prints the status of a refused HEAD and none of the registry's words
    name: 'ctr 1.6',
    pull: (reference) => ctrPull(onPath('ctr') ?? 'ctr', reference),
    push: (from, to) => ctrPush(onPath('ctr') ?? 'ctr', [], from, to),
    refusal: /403 Forbidden/,
  },
];

function ctrPull(program: string, ...args: readonly string[]): Promise<Finished> {
  const pull = ['images', 'pull', '--plain-http', '--snapshotter', 'native', '--all-platforms'];
  return runProcess(program, ['--address', containerd.address, ...pull, ...args]);
}

async function ctrPush(
  program: string,
  mode: readonly string[],
  from: string,
  to: string,
): Promise<Finished> {
  const images = (...args: readonly string[]) =>
    runProcess(program, ['--address', containerd.address, 'images', ...args]);
  const pulled = await ctrPull(program, ...mode, from);
  if (pulled.code !== 0) return pulled;
  return images('push', '--plain-http', ...mode, to, from);
}

function expectDone({ code, stderr }: Finished): void {
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

describe.each(clients)('$name through the proxy', ({ name, pull, push, refusal }) => {
  const project = name.replaceAll(/[^a-z0-9]/g, '');
  let data: TempFolder;
  let served: Served;
  let digest: string;
  let image: string;
  let pulls = 0;

  const seed = (tag: string, text: string) =>
    pushImage({ registryUrl: `http://${registry.host}`, repository: `${project}/app`, tag, text });
  const serve = () => startServe({ folder: data.path, registries: [registry.host] });
  const pullOf = (reference: string) => pull(reference, join(data.path, `pulled-${++pulls}`));
  /** As a user writes it: the proxy's host, the registry with its port, the name. */
  const through = (suffix: string) => `${served.proxy.replace('http://', '')}/${image}${suffix}`;

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host.replace(':', '_')}/${project}/app`;
    ({ digest } = await seed('one', `${project} one`));
    await seed('two', `${project} two`);
    served = await serve();
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await data[Symbol.asyncDispose]();
  });

  const direct = (tag: string) => `${registry.host}/${project}/app:${tag}`;

  it('pushes to the registry', async () => {
    expectDone(await push(direct('one'), direct('1')));
  });

  it('pulls a new tag, and the known tag again', async () => {
    expectDone(await pullOf(through(':1')));
    expectDone(await pullOf(through(':1')));
    const head = await fetch(proxied(served.proxy, registry.host, `${project}/app/manifests/1`), {
      method: 'HEAD',
    });
    expect({
      status: head.status,
      digest: head.headers.get('docker-content-digest'),
      first: head.headers.get('tlog-first-seen'),
    }).toEqual({ status: 200, digest, first: null });
  });

  it('pulls by digest', async () => {
    expectDone(await pullOf(through(`@${digest}`)));
  });

  it('is refused with the reason once it has moved the tag itself, and still pulls the digest', async () => {
    expectDone(await push(direct('two'), direct('1')));
    // equal look-ups are shared for 10 s: a new process has shared none
    await served.process.stop();
    served = await serve();

    const refused = await pullOf(through(':1'));
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(refusal);

    expectDone(await pullOf(through(`@${digest}`)));
  });

  it('cannot push', async () => {
    const pushed = await push(direct('two'), through(':pushed'));
    expect(pushed.code).not.toBe(0);
    expect(pushed.stdout + pushed.stderr).toMatch(/UNSUPPORTED|405/i);
  });
});

describe('lists and private images through the proxy', () => {
  const repository = 'lists/app';
  let data: TempFolder;

  beforeAll(async () => {
    data = await makeTempFolder();
    await pushImage({ registryUrl: `http://${registry.host}`, repository, tag: 'one', text: 'one' });
    await pushImage({ registryUrl: `http://${registry.host}`, repository, tag: 'two', text: 'two' });
  });
  afterAll(async () => {
    await data[Symbol.asyncDispose]();
  });

  it('crane lists tags page by page, skopeo inspects with its tags', async () => {
    await using served = await startServe({ folder: data.path, registries: [registry.host] });
    const image = `${served.proxy.replace('http://', '')}/${registry.host.replace(':', '_')}/${repository}`;
    const listed = await runProcess(goTool('crane'), ['ls', '--insecure', image]);
    expect(listed.stdout.trim().split('\n').toSorted()).toEqual(['one', 'two']);
    const inspected = await runProcess(onPath('skopeo') ?? 'skopeo', [
      'inspect',
      '--tls-verify=false',
      `docker://${image}:one`,
    ]);
    expectDone(inspected);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ RepoTags: ['one', 'two'] });
  });

  it('crane, skopeo and ctr log in to a registry of clients, and are refused without', async () => {
    await using fake = await startFakeRegistry();
    await fake.putImage({ repository: 'team/app', tag: '1' });
    fake.lies.auth = { kind: 'bearer', user: { name: 'ann', password: 'right' } };
    const [port = 0] = await freePorts(1);
    await using served = await startServe({
      folder: data.path,
      registries: [fake.host],
      proxy: {
        listen: `127.0.0.1:${port}`,
        credentials: { [fake.host]: 'client' },
        publicUrl: `http://127.0.0.1:${port}`,
      },
    });
    const host = served.proxy.replace('http://', '');
    const image = `${host}/${fake.host.replace(':', '_')}/team/app:1`;
    const auth = { auths: { [host]: { auth: btoa('ann:right') } } };
    await writeFile(join(data.path, 'config.json'), JSON.stringify(auth));
    const withLogin = { env: { DOCKER_CONFIG: data.path } };
    const without = { env: { DOCKER_CONFIG: join(data.path, 'none') } };
    const crane = (options: typeof withLogin) =>
      runProcess(goTool('crane'), ['manifest', '--insecure', image], options);
    const skopeo = (...login: readonly string[]) =>
      runProcess(onPath('skopeo') ?? 'skopeo', [
        'inspect',
        '--raw',
        '--tls-verify=false',
        ...login,
        `docker://${image}`,
      ]);
    const ctr = (...login: readonly string[]) => ctrPull(goTool('ctr'), '--local', ...login, image);
    expectDone(await crane(withLogin));
    expectDone(await skopeo('--creds', 'ann:right'));
    expectDone(await ctr('--user', 'ann:right'));
    for (const refused of [await crane(without), await skopeo('--no-creds'), await ctr()]) {
      expect(refused.code).not.toBe(0);
      expect(refused.stdout + refused.stderr).toMatch(/unauthorized|401|authorization failed/i);
    }
  });
});

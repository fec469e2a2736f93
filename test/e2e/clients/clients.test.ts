import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pushImage } from '../../support/push-image.ts';
import { proxied, startServe, type Served } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startContainerd, type StartedContainerd } from '../stack/containerd.ts';
import { goTool, onPath } from '../stack/install.ts';
import { startRegistry, type StartedRegistry } from '../stack/start.ts';

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
    refusal: MISMATCH,
  },
  {
    name: 'ctr 2.4',
    pull: (reference) => ctr(goTool('ctr'), '--plain-http', '--local', reference),
    refusal: MISMATCH,
  },
  {
    // containerd 1.6 prints the status of a refused HEAD and none of the registry's words
    name: 'ctr 1.6',
    pull: (reference) => ctr(onPath('ctr') ?? 'ctr', '--plain-http', reference),
    refusal: /403 Forbidden/,
  },
];

function ctr(program: string, ...args: readonly string[]): Promise<Finished> {
  const pull = [
    '--address',
    containerd.address,
    'images',
    'pull',
    '--snapshotter',
    'native',
    '--all-platforms',
  ];
  return runProcess(program, [...pull, ...args]);
}

describe.each(clients)('$name through the proxy', ({ name, pull, refusal }) => {
  const project = name.replaceAll(/[^a-z0-9]/g, '');
  let data: TempFolder;
  let served: Served;
  let digest: string;
  let image: string;
  let pulls = 0;

  const push = (tag: string, text: string) =>
    pushImage({ registryUrl: `http://${registry.host}`, repository: `${project}/app`, tag, text });
  const serve = () => startServe({ folder: data.path, registries: [registry.host] });
  const pullOf = (reference: string) => pull(reference, join(data.path, `pulled-${++pulls}`));
  /** As a user writes it: the proxy's host, the registry with its port, the name. */
  const through = (suffix: string) => `${served.proxy.replace('http://', '')}/${image}${suffix}`;

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host.replace(':', '_')}/${project}/app`;
    ({ digest } = await push('1', `${project} one`));
    await push('other', `${project} two`);
    served = await serve();
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await data[Symbol.asyncDispose]();
  });

  it('pulls a new tag, and the known tag again', async () => {
    for (const time of ['first', 'second']) {
      const done = await pullOf(through(':1'));
      expect({ time, code: done.code, stderr: done.code === 0 ? '' : done.stderr }).toEqual({
        time,
        code: 0,
        stderr: '',
      });
    }
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
    const done = await pullOf(through(`@${digest}`));
    expect({ code: done.code, stderr: done.code === 0 ? '' : done.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('is refused with the reason once a real client has moved the tag, and still pulls the digest', async () => {
    const moved = await runProcess(goTool('crane'), [
      'tag',
      '--insecure',
      `${registry.host}/${project}/app:other`,
      '1',
    ]);
    expect({ code: moved.code, stderr: moved.code === 0 ? '' : moved.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
    // equal look-ups are shared for 10 s: a new process has shared none
    await served.process.stop();
    served = await serve();

    const refused = await pullOf(through(':1'));
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(refusal);

    const pinned = await pullOf(through(`@${digest}`));
    expect({ code: pinned.code, stderr: pinned.code === 0 ? '' : pinned.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
  });

  it('cannot push', async () => {
    const target = `${through('')}:pushed`;
    const pushed = await runProcess(goTool('crane'), [
      'copy',
      '--insecure',
      `${registry.host}/${project}/app:other`,
      target,
    ]);
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toMatch(/UNSUPPORTED|405/);
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { makeResultTable } from '../../support/result-table.ts';
import { proxied, startServe, type Served } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { startContainerd } from '../stack/containerd.ts';
import { startDocker } from '../stack/docker.ts';
import { goTool } from '../stack/install.ts';
import { freePorts, startRegistry, type StartedRegistry } from '../stack/start.ts';
import { allClients, TAG, type Client, type Command, type Daemons } from './all-clients.ts';

const COLUMNS = {
  first: 'first pull',
  second: 'second pull',
  digest: 'digest pull',
  head: 'HEAD only',
  index: 'multi-arch index',
  referrers: 'referrers',
  push: 'push refused',
  away: 'registry away',
  moved: 'moved tag refused, its text shown',
  login: 'private, logged in',
  nobody: 'private, nobody',
} as const;
const NAMES = [
  ...['crane', 'skopeo', 'podman', 'buildah', 'docker 20.10', 'ctr 1.6', 'ctr 2.4'],
  ...['CRI, containerd 1.6', 'CRI, containerd 2.2', 'oras', 'helm 3', 'helm 4'],
];
const USER = { name: 'ann', password: 'right' };
const REFUSED_LOGIN = /unauthorized|401|authorization failed|denied|authentication required/i;

const table = makeResultTable(NAMES, Object.values(COLUMNS));
const stack = new AsyncDisposableStack();
let clients: ReadonlyMap<string, Client>;
let folder: string;
let registry: StartedRegistry;
let secret: FakeRegistry;
let secretProxy: Served;

beforeAll(async () => {
  folder = stack.use(await makeTempFolder()).path;
  registry = stack.use(await startRegistry(join(folder, 'registry')));
  clients = new Map(allClients(await startDaemons()).map((client) => [client.name, client]));
  secret = stack.use(await startFakeRegistry());
  for (const { project, seed } of clients.values()) await seed(secret.host, `${project}/app`, project);
  secret.lies.auth = { kind: 'bearer', user: USER };
  const [port = 0] = await freePorts(1);
  const listen = `127.0.0.1:${port}`;
  secretProxy = stack.use(
    await startServe({
      folder: stack.use(await makeTempFolder()).path,
      registries: [secret.host],
      proxy: { listen, credentials: { [secret.host]: 'client' }, publicUrl: `http://${listen}` },
    }),
  );
});

afterAll(async () => {
  await stack.disposeAsync();
  console.log(`\nclients through the proxy\n\n${table.text()}\n`);
});

async function startDaemons(): Promise<Daemons> {
  const [one, two, docker] = [
    stack.use(await startContainerd(join(folder, 'containerd-1'))),
    stack.use(await startContainerd(join(folder, 'containerd-2'), { version: '2.x' })),
    stack.use(await startDocker(join(folder, 'docker'))),
  ];
  return { folder, containerd1: one.address, containerd2: two.address, docker: docker.host };
}

/** Fails with what the program said. */
function expectDone({ code, stdout, stderr }: Finished): void {
  expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
}

function expectRefused({ code, stdout, stderr }: Finished, text: RegExp): void {
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(text);
}

/** As a user writes it: the proxy's host, the registry with its port, the name. */
function through({ proxy }: Served, host: string, { project }: Client): string {
  return `${proxy.replace('http://', '')}/${host.replace(':', '_')}/${project}/app`;
}

describe.each(NAMES)('%s through the proxy', (name) => {
  const data = new AsyncDisposableStack();
  let client: Client;
  let served: Served;
  let image: string;
  let digest: string;

  async function restart(): Promise<void> {
    await served.process.stop();
    await serve();
  }
  async function serve(): Promise<void> {
    served = await startServe({ folder: join(folder, client.project), registries: [registry.host] });
    image = through(served, registry.host, client);
  }
  async function seed(text: string): Promise<void> {
    await client.seed(registry.host, `${client.project}/app`, text);
  }
  /** At the registry itself. */
  async function statusOf(path: string): Promise<number> {
    return (await fetch(`http://${registry.host}/v2/${path}`)).status;
  }
  async function head() {
    const url = proxied(served.proxy, registry.host, `${client.project}/app/manifests/${TAG}`);
    const { status, headers } = await fetch(url, { method: 'HEAD' });
    return { status, digest: headers.get('docker-content-digest'), first: headers.get('tlog-first-seen') };
  }

  beforeAll(async () => {
    const found = clients.get(name);
    if (found === undefined) throw new Error(`no client ${name}`);
    client = found;
    await runProcess('mkdir', ['-p', join(folder, client.project)]);
    await serve();
    await seed('one');
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await data.disposeAsync();
  });

  const cell = (column: keyof typeof COLUMNS, run: () => Promise<void>) =>
    table.cell(name, COLUMNS[column], run);
  async function commandCell(
    column: keyof typeof COLUMNS,
    command: Command,
    check: (done: Finished) => void,
  ): Promise<void> {
    if (typeof command === 'string') table.none(name, COLUMNS[column], command);
    else {
      await cell(column, async () => {
        const done = await command(`${image}:${TAG}`);
        expectDone(done);
        check(done);
      });
    }
  }

  it('pulls a new tag, the known tag again, and its digest', async () => {
    await cell('first', async () => expectDone(await client.pull(`${image}:${TAG}`)));
    const known = await head();
    expect(known).toMatchObject({ status: 200, first: null });
    digest = known.digest ?? '';
    await cell('second', async () => expectDone(await client.pull(`${image}:${TAG}`)));
    await cell('digest', async () => expectDone(await client.pull(`${image}@${digest}`)));
  });

  it('reads what else it can of the image', async () => {
    await commandCell('head', client.head, ({ stdout }) => expect(stdout).toContain(digest));
    await commandCell('index', client.index, () => undefined);
    if (typeof client.referrers !== 'string') await attach(`${registry.host}/${client.project}/app:${TAG}`);
    await commandCell('referrers', client.referrers, ({ stdout }) => expect(stdout).toContain('text/x-note'));
  });

  it('cannot push', async () => {
    const { push } = client;
    if (typeof push === 'string') {
      table.none(name, COLUMNS.push, push);
      return;
    }
    await cell('push', async () => {
      const from = `${registry.host}/${client.project}/app:${TAG}`;
      expectRefused(await push(from, `${image}:pushed`), client.pushRefusal);
      expect(await statusOf(`${client.project}/app/manifests/pushed`)).toBe(404);
    });
  });

  it('gets a known tag while the registry is away', async () => {
    await registry.kill();
    try {
      await commandCell('away', client.whileAway, () => undefined);
    } finally {
      await registry.start();
    }
  });

  it('is refused once the tag has moved, with the reason, and still pulls the digest', async () => {
    await cell('moved', async () => {
      await seed('two');
      // equal look-ups are shared for 10 s: a new process has shared none
      await restart();
      expectRefused(await client.pull(`${image}:${TAG}`), client.refusal);
      expectDone(await client.pull(`${image}@${digest}`));
    });
  });

  it('pulls a private image with its login, and is refused without', async () => {
    const reference = `${through(secretProxy, secret.host, client)}:${TAG}`;
    await cell('nobody', async () => expectRefused(await client.pull(reference), REFUSED_LOGIN));
    await cell('login', async () => expectDone(await client.pull(reference, USER)));
    await table.cell(name, COLUMNS.nobody, async () =>
      expectRefused(await client.pull(reference), REFUSED_LOGIN),
    );
  });
});

/** Another artifact that refers to this image, pushed to the registry itself. */
async function attach(reference: string): Promise<void> {
  const args = ['attach', '--plain-http', '--artifact-type', 'text/x-note', reference];
  expectDone(await runProcess(goTool('oras'), [...args, '--annotation', 'note=1']));
}

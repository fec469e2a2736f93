import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from '@jest/globals';
import { pushImage } from '../../support/push-image.ts';
import { startServe } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { goTool } from '../stack/install.ts';
import { startRegistry } from '../stack/start.ts';

const DOCS = join(import.meta.dirname, '../../../docs/clients');
/** What the documents name, and the mirror from which it really comes. */
const IMAGES = [
  'ghcr.io/acme/api:1.4.2',
  'ghcr.io/acme/files:1',
  'quay.io/acme/app:1',
  'docker.io/library/alpine:3.16.0',
];
const CHART = { repository: 'ghcr.io/acme/charts', name: 'app', version: '1.2.3' };
const REFUSED = /mismatch|403 Forbidden/;

/** The documents for clients, a registry with all that they name, and the proxy where they have it. */
export interface Recipes extends AsyncDisposable {
  readonly folder: string;
  /** Environment of the commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Blocks of one language in a document. */
  blocks(file: string, language: string): Promise<readonly string[]>;
  /** Each shell command of a document, as written. */
  follow(file: string, how?: Following): Promise<readonly Finished[]>;
  /** Runs the commands on the images as they are recorded first, when each must do, and after all have moved, when none may. */
  expectSealed(commands: () => Promise<readonly Finished[]>, refused?: RegExp): Promise<void>;
}

export interface Following {
  /** All that there is in the folder of the commands. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Leaves out the commands that do not match. */
  readonly only?: RegExp;
}

export async function makeRecipes(more: Readonly<Record<string, string>> = {}): Promise<Recipes> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await makeTempFolder()).path;
  const registry = stack.use(await startRegistry(join(folder, 'registry')));
  const env = {
    HOME: folder,
    PATH: [
      ...(['crane', 'oras', 'helm4'] as const).map((name) => dirname(goTool(name))),
      // Debian's programs before others of their names
      ...['/usr/bin', '/usr/sbin', process.env['PATH']],
    ].join(':'),
    ...more,
  };
  let runs = 0;

  async function blocks(file: string, language: string): Promise<readonly string[]> {
    const text = await readFile(join(DOCS, file), 'utf8');
    const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
    return [...found].map(([, block = '']) => block);
  }

  async function follow(file: string, { files = {}, env: own = {}, only = /./ }: Following = {}) {
    runs += 1;
    const cwd = join(folder, `run-${runs}`);
    await mkdir(cwd);
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    const all: Finished[] = [];
    const commands = (await blocks(file, 'sh')).flatMap((block) => block.trim().split('\n'));
    for (const command of commands.filter((each) => only.test(each))) {
      const here = command.replace('/etc/containerd/certs.d', join(folder, 'certs.d'));
      all.push(await runProcess('/bin/sh', ['-c', here], { cwd, env: { ...env, ...own } }));
    }
    return all;
  }

  async function expectSealed(commands: () => Promise<readonly Finished[]>, refused = REFUSED) {
    await fill({ host: registry.host, folder, text: 'first' });
    {
      await using proxy = await startProxy(folder, registry.host);
      expect(proxy.proxy).toContain(':5050');
      const pulled = await commands();
      expect(pulled.length).toBeGreaterThan(0);
      for (const { code, stdout, stderr } of pulled)
        expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' });
    }
    await fill({ host: registry.host, folder, text: 'moved' });
    await using proxy = await startProxy(folder, registry.host);
    expect(proxy.proxy).toContain(':5050');
    for (const { code, stdout, stderr } of await commands()) {
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(refused);
    }
  }

  const owned = stack.move();
  return {
    folder,
    env,
    blocks,
    follow,
    expectSealed,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The proxy where the documents have it, with records of its own; it asks the local registry first for all that they name. */
async function startProxy(folder: string, host: string) {
  const registries = ['ghcr.io', 'quay.io', 'docker.io'];
  const mirrors = registries.map((name) => [name, [`http://${host}/${name}`]]);
  return startServe({
    folder,
    registries: [],
    config: [],
    proxy: { listen: '127.0.0.1:5050' },
    env: {
      TAGSEAL_REGISTRIES_ALLOW: registries.join(','),
      TAGSEAL_REGISTRIES_PLAIN_HTTP: host,
      TAGSEAL_REGISTRIES_MIRRORS: JSON.stringify(Object.fromEntries(mirrors)),
    },
  });
}

/** Every image and the chart; with another text under the same tags they have moved. */
async function fill({ host, folder, text }: { host: string; folder: string; text: string }): Promise<void> {
  for (const image of IMAGES) {
    const [repository = '', tag = ''] = image.split(':');
    await pushImage({ registryUrl: `http://${host}`, repository, tag, text: `${image} ${text}` });
  }
  const source = join(folder, text, CHART.name);
  await mkdir(source, { recursive: true });
  const lines = [
    'apiVersion: v2',
    `name: ${CHART.name}`,
    `version: ${CHART.version}`,
    `description: ${text}`,
  ];
  await writeFile(join(source, 'Chart.yaml'), lines.join('\n'));
  const destination = join(folder, text);
  const file = join(destination, `${CHART.name}-${CHART.version}.tgz`);
  await helm('package', source, '--destination', destination);
  await helm('push', '--plain-http', file, `oci://${host}/${CHART.repository}`);
}

async function helm(...args: readonly string[]): Promise<void> {
  expect(await runProcess(goTool('helm4'), args)).toMatchObject({ code: 0 });
}

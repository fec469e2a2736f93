import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKey } from '../../../src/rekor/key-signer.ts';
import { pushImage } from '../../support/push-image.ts';
import { cleanEnvironment, PROGRAM, proxied } from '../../support/serve.ts';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { onPath } from '../stack/install.ts';
import { startPostgres } from '../stack/postgres.ts';
import { freePorts, startRekorV2 } from '../stack/start.ts';
import { until } from '../stack/until.ts';

const PATIENCE_MS = 60_000;
const TAGS_PER_MINUTE = 300;
const EXAMPLE = join(import.meta.dirname, '../../../examples/compose');

interface Replica {
  readonly process: RunningProcess;
  readonly port: number;
  readonly adminPort: number;
}

const stack = new AsyncDisposableStack();
let registry: string;
let replicas: readonly Replica[];
let front: string;

beforeAll(async () => {
  const folder = stack.use(await makeTempFolder()).path;
  const origin = stack.use(await startFakeRegistry());
  const rekor = stack.use(await startRekorV2(join(folder, 'rekor')));
  const postgres = stack.use(await startPostgres());
  registry = origin.host;
  for (const tag of ['1', '2', '3'])
    await pushImage({ registryUrl: origin.url, repository: 'e2e/app', tag, text: tag });
  const secret = { mode: 0o600 };
  await writeFile(join(folder, 'signer.key'), generateKey().privateKeyPem, secret);
  await writeFile(join(folder, 'blinding.key'), `${randomBytes(32).toString('hex')}\n`, secret);
  // what differs from the example is where things are, and how many requests a client may send
  const environment = {
    TAGSEAL_CONFIG: join(EXAMPLE, 'tagseal.yaml'),
    TAGSEAL_BLINDING_KEY_FILE: join(folder, 'blinding.key'),
    TAGSEAL_SIGNER_KEY_FILE: join(folder, 'signer.key'),
    TAGSEAL_STORE_URL: await postgres.createDatabase('compose'),
    TAGSEAL_LOG_URL: rekor.url,
    TAGSEAL_LOG_READ_URL: rekor.readUrl,
    TAGSEAL_LOG_ORIGIN: rekor.origin,
    TAGSEAL_LOG_PUBLIC_KEY_FILE: rekor.publicKeyFile,
    TAGSEAL_REGISTRIES_ALLOW: registry,
    TAGSEAL_REGISTRIES_PLAIN_HTTP: registry,
    TAGSEAL_PROXY_LIMITS_TAGS_PER_MINUTE: String(TAGS_PER_MINUTE),
  };
  replicas = await Promise.all(['a', 'b'].map((name) => startReplica(join(folder, name), environment)));
  front = await startBalancer(folder);
});
afterAll(() => stack.disposeAsync());

async function startReplica(folder: string, environment: Readonly<Record<string, string>>): Promise<Replica> {
  await mkdir(folder);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const env = {
    ...cleanEnvironment(folder),
    ...environment,
    TAGSEAL_DATA_DIR: join(folder, 'data'),
    TAGSEAL_PROXY_LISTEN: `127.0.0.1:${port}`,
    TAGSEAL_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
  };
  const process_ = stack.use(startProcess(process.execPath, [PROGRAM, 'serve'], { env }));
  await process_.waitFor(/proxy +http:/);
  return { process: process_, port, adminPort };
}

/** HAProxy with the example's file, in which names and ports of containers are those of this machine. */
async function startBalancer(folder: string): Promise<string> {
  const [port = 0] = await freePorts(1);
  const example = await readFile(join(EXAMPLE, 'haproxy.cfg'), 'utf8');
  const config = example
    .replace('bind :5050', `bind 127.0.0.1:${port}`)
    .replace(' port 9090', '')
    .replaceAll(/(server [ab]) tagseal-([ab]):5050/g, (_all, server: string, name: string) => {
      const replica = replicas[name === 'a' ? 0 : 1];
      return `${server} 127.0.0.1:${replica?.port} port ${replica?.adminPort}`;
    });
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, config);
  stack.use(startProcess(onPath('haproxy') ?? 'haproxy', ['-db', '-f', file]));
  const url = `http://127.0.0.1:${port}`;
  await until(
    async () => (await fetch(`${url}/v2/`).catch(() => undefined))?.status,
    (status) => status === 200,
    PATIENCE_MS,
  );
  return url;
}

async function pull(tag: string, from = '127.0.0.1') {
  const url = proxied(front, registry, `e2e/app/manifests/${tag}`);
  // the balancer writes over what clients say of themselves
  const answer = await fetch(url, { headers: { 'x-forwarded-for': from } });
  const text = await answer.text();
  return { status: answer.status, text, uuid: answer.headers.get('tlog-uuid') };
}

describe('the compose example: two replicas behind HAProxy, PostgreSQL and a Rekor', () => {
  it('records a tag once, whichever replica is asked', async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => pull('1')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(new Set(answers.map(({ uuid }) => uuid)).size).toBe(1);
    for (const { port } of replicas) {
      const own = await fetch(proxied(`http://127.0.0.1:${port}`, registry, 'e2e/app/manifests/1'));
      await own.arrayBuffer();
      expect([own.status, own.headers.get('tlog-uuid')]).toEqual([200, answers[0]?.uuid]);
    }
  });

  it('goes on for known and new tags as soon as a replica is killed', async () => {
    expect((await pull('2')).status).toBe(200);
    await replicas[0]?.process.stop('SIGKILL');
    for (const tag of ['1', '2', '3', '1', '2', '3']) expect((await pull(tag)).status).toBe(200);
  });

  it('limits a client by its own address, and not by the one that it claims', async () => {
    const statuses: number[] = [];
    for (let turn = 0; turn <= 2 * TAGS_PER_MINUTE && statuses.at(-1) !== 429; turn += 1)
      statuses.push((await pull('1', `192.0.2.${turn % 250}`)).status);
    expect(statuses.slice(0, -1).every((status) => status === 200)).toBe(true);
    expect(statuses.at(-1)).toBe(429);
  });
});

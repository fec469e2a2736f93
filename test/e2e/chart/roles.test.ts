import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnvironment, PROGRAM } from '../../support/serve.ts';
import { startProcess, type RunningProcess } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { makeClients, succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { CHART, NAMESPACE, objectsOf, podsOf } from './render.ts';

const ROLES = ['webhook', 'proxy', 'controller'] as const;
const VALUES = [
  ...['--set', 'config.log.kind=rekor-v2,config.log.url=http://127.0.0.1:1,config.log.origin=nobody'],
  ...['--set', 'config.log.publicKeyFile=/etc/tagseal/files/rekor.pub'],
  ...['--set', 'config.controller.scanEverySeconds=10'],
];

let folder: TempFolder;
let plane: StartedControlPlane;
const running = new Map<string, RunningProcess>();
beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
  const { helm4 } = makeClients(folder.path, plane.kubeconfig);
  await succeed(
    helm4(['install', 'tagseal', CHART, '--namespace', NAMESPACE, '--create-namespace', ...VALUES]),
  );
  const config = ['get', 'configmap', 'tagseal', '-n', NAMESPACE, '-o', 'jsonpath={.data.tagseal\\.yaml}'];
  await writeFile(join(folder.path, 'tagseal.yaml'), await succeed(plane.kubectl(config)));
  const { publicKey } = generateKeyPairSync('ed25519');
  await writeFile(join(folder.path, 'rekor.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const pods = podsOf(await objectsOf('helm4', VALUES));
  for (const role of ROLES) {
    const pod = pods.find(({ of }) => of === `Deployment tagseal-${role}`);
    const variables = pod?.spec.containers[0]?.env ?? [];
    const account = pod?.spec.serviceAccountName ?? '';
    const env = {
      ...cleanEnvironment(folder.path),
      ...Object.fromEntries(variables.map(({ name, value }) => [name, value])),
      TAGSEAL_KUBERNETES_KUBECONFIG_FILE: await plane.kubeconfigFor(
        `system:serviceaccount:${NAMESPACE}:${account}`,
      ),
      TAGSEAL_DATA_DIR: join(folder.path, role),
      TAGSEAL_LOG_PUBLIC_KEY_FILE: join(folder.path, 'rekor.pub'),
      TAGSEAL_LOG_LEVEL: 'debug',
      ...Object.fromEntries(
        ['ADMISSION', 'PROXY', 'ADMIN'].map((door) => [`TAGSEAL_${door}_LISTEN`, '127.0.0.1:0']),
      ),
    };
    running.set(role, startProcess(process.execPath, [PROGRAM, 'serve'], { env, cwd: folder.path }));
  }
});
afterAll(async () => {
  for (const process of running.values()) await process[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function untilReady(admin: string): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const { status } = await fetch(`${admin}/readyz`);
    if (status === 200) return status;
  }
  return 503;
}

describe('with the rights that the chart gives, and all started at once', () => {
  it.each(ROLES)('the %s becomes ready', async (role) => {
    const started = await running.get(role)?.waitFor(/"event":"serve\.started"/);
    expect(started).toBeDefined();
    const [, admin = ''] = /admin +(http:\/\/\S+)/.exec(running.get(role)?.output() ?? '') ?? [];
    expect(await untilReady(admin)).toBe(200);
  });

  it('the controller keeps keys and CA in Secrets, and fills in the caBundle', async () => {
    const path = '{.webhooks[0].clientConfig.caBundle}';
    const read = () =>
      succeed(plane.kubectl(['get', 'mutatingwebhookconfiguration', 'tagseal', '-o', `jsonpath=${path}`]));
    let bundle = '';
    for (let tries = 0; tries < 200 && bundle === ''; tries++) bundle = await read();
    expect(Buffer.from(bundle, 'base64').toString()).toContain('BEGIN CERTIFICATE');
    const secrets = await succeed(plane.kubectl(['get', 'secrets', '-n', NAMESPACE, '-o', 'name']));
    expect(secrets).toContain('secret/tagseal-keys');
    expect(secrets).toContain('secret/tagseal-ca');
  });

  it('the controller publishes what a verifier needs, and nothing secret', async () => {
    const read = () => plane.kubectl(['get', 'configmap', 'tagseal-public', '-n', NAMESPACE, '-o', 'json']);
    let found = await read();
    for (let tries = 0; tries < 200 && found.code !== 0; tries++) found = await read();
    const { data } = JSON.parse(found.stdout) as { readonly data: Readonly<Record<string, string>> };
    expect(Object.keys(data).toSorted()).toEqual(['tagseal.json', 'trusted_root.json']);
    expect(JSON.parse(data['tagseal.json'] ?? '')).toMatchObject({ log: { origin: 'nobody' } });
    expect(found.stdout).not.toMatch(/PRIVATE|blinding/);
  });

  it.each(ROLES)('the %s is refused nothing that it goes on without', (role) => {
    const lines = (running.get(role)?.output() ?? '').split('\n');
    expect(lines.filter((line) => /KUBERNETES_REFUSED|forbidden/.test(line))).toEqual([]);
  });

  it.each([
    ['webhook', 'delete', 'tagrecords'],
    ['webhook', 'create', 'secrets'],
    ['webhook', 'list', 'secrets'],
    ['webhook', 'patch', 'mutatingwebhookconfigurations/tagseal'],
    ['webhook', 'create', 'pods'],
    ['proxy', 'get', 'secrets/tagseal-ca'],
    ['proxy', 'list', 'namespaces'],
    ['proxy', 'delete', 'tagrecords'],
    ['controller', 'get', 'secrets/anything'],
    ['controller', 'patch', 'mutatingwebhookconfigurations/other'],
    ['controller', 'delete', 'mutatingwebhookconfigurations/tagseal'],
    ['controller', 'delete', 'tagrecords'],
    ['controller', 'create', 'clusterroles'],
    ['controller', 'create', 'tagapprovals'],
  ])('the %s may not %s %s', async (role, verb, resource) => {
    const user = `system:serviceaccount:${NAMESPACE}:tagseal-${role}`;
    const { stdout } = await plane.kubectl([
      'auth',
      'can-i',
      verb,
      resource,
      '-n',
      NAMESPACE,
      `--as=${user}`,
    ]);
    expect(stdout.trim()).toBe('no');
  });
});

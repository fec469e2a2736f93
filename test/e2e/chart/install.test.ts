import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { makeClients, succeed, type Clients } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { CHART, HELMS, NAMESPACE } from './render.ts';

const CONFIGURATIONS = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const;
const BUNDLE = Buffer.from('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n').toString(
  'base64',
);

let folder: TempFolder;
let plane: StartedControlPlane;
let clients: Clients;
beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
  clients = makeClients(folder.path, plane.kubeconfig);
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const place = ['--namespace', NAMESPACE];

interface Configuration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly webhooks: readonly {
    readonly name: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

async function configuration(kind: string): Promise<Configuration> {
  const json = await succeed(plane.kubectl(['get', kind, 'tagseal', '-o', 'json']));
  return JSON.parse(json) as Configuration;
}

/** As the controller does: server-side apply of that field alone, under a name of its own. */
async function fillIn(kind: string, caBundle: string): Promise<void> {
  const { webhooks, ...rest } = await configuration(kind);
  const object = {
    apiVersion: rest.apiVersion,
    kind: rest.kind,
    metadata: { name: 'tagseal' },
    webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })),
  };
  const args = ['apply', '--server-side', '--field-manager=tagseal-controller', '--force-conflicts'];
  await succeed(plane.kubectl([...args, '-f', '-'], { input: JSON.stringify(object) }));
}

async function bundles(): Promise<readonly (string | undefined)[]> {
  const all = await Promise.all(CONFIGURATIONS.map(configuration));
  return all.flatMap(({ webhooks }) => webhooks.map(({ clientConfig }) => clientConfig.caBundle));
}

async function leftOvers(): Promise<string> {
  const kinds =
    'deployments,services,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets,jobs,pods';
  const inside = await succeed(
    plane.kubectl(['get', kinds, ...place, '-o', 'name', '-l', 'app.kubernetes.io/part-of=tagseal']),
  );
  const outside = await succeed(
    plane.kubectl(['get', `${CONFIGURATIONS.join()},clusterroles,clusterrolebindings`, '-o', 'name']),
  );
  return (
    inside +
    outside
      .split('\n')
      .filter((name) => name.includes('tagseal'))
      .join('\n')
  );
}

const rows = HELMS.flatMap((first) => HELMS.map((then) => ({ first, then })));

describe.each(rows)('a release of $first that $then goes on with', ({ first, then }) => {
  it('is installed without any webhook that could be in its way', async () => {
    await succeed(clients[first](['install', 'tagseal', CHART, ...place, '--create-namespace']));
    expect(await bundles()).toEqual(Array.from({ length: 5 }, () => undefined));
  });

  it('keeps what the controller filled in through upgrade and rollback, without a conflict', async () => {
    for (const kind of CONFIGURATIONS) await fillIn(kind, BUNDLE);
    const values = ['--set', 'webhook.timeoutSeconds=7,commonLabels.changed=yes'];
    await succeed(clients[then](['upgrade', 'tagseal', CHART, ...place, ...values]));
    expect(new Set(await bundles())).toEqual(new Set([BUNDLE]));
    await succeed(clients[then](['rollback', 'tagseal', '1', ...place]));
    expect(new Set(await bundles())).toEqual(new Set([BUNDLE]));
    for (const kind of CONFIGURATIONS) await fillIn(kind, BUNDLE);
  });

  it('leaves nothing that could refuse a Pod', async () => {
    // nobody runs Jobs here: what the hook does is tried with its script
    await succeed(clients[then](['uninstall', 'tagseal', ...place, '--no-hooks']));
    expect(await leftOvers()).toBe('');
  });
});

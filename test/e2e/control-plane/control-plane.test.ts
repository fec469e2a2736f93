import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a' },
  spec: { containers: [{ name: 'a', image: 'registry.example/a:1' }] },
};

let folder: TempFolder;
let plane: StartedControlPlane;
beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('the control plane', () => {
  it('is the version that the suites are written for', async () => {
    const { serverVersion } = JSON.parse(await succeed(plane.kubectl(['version', '-o', 'json']))) as {
      readonly serverVersion: { readonly gitVersion: string };
    };
    expect(serverVersion.gitVersion).toBe('v1.37.2');
  });

  it('stores a Pod without a service account', async () => {
    await succeed(plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(POD) }));
    expect(await succeed(plane.kubectl(['get', 'pod', 'a', '-o', 'name']))).toBe('pod/a\n');
  });

  it('refuses a user without rights', async () => {
    const kubeconfig = await plane.kubeconfigFor('somebody');
    const { code, stderr } = await plane.kubectl(['--kubeconfig', kubeconfig, 'get', 'pods']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('"somebody" cannot list') });
  });

  it('keeps what it stored when etcd and API server are killed and come back', async () => {
    await succeed(plane.kubectl(['create', 'namespace', 'kept']));
    await plane.apiServer.kill();
    await plane.etcd.kill();
    expect((await plane.kubectl(['get', 'namespaces'])).code).toBe(1);
    await plane.etcd.start();
    await plane.apiServer.start();
    expect(await succeed(plane.kubectl(['get', 'namespace', 'kept', '-o', 'name']))).toBe('namespace/kept\n');
  });
});

import { afterAll, beforeAll } from '@jest/globals';
import { makeGenerationFollower } from '../../../src/kube/generation-follower.ts';
import { makeRecordStore } from '../../../src/kube/record-store.ts';
import { NAMESPACES } from '../../../src/kube/resources.ts';
import { makeStateStore } from '../../../src/kube/state-store.ts';
import { followerContract } from '../../contract/store/follower-suite.ts';
import { stateContract } from '../../contract/store/state-suite.ts';
import { storeContract } from '../../contract/store/suite.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { SILENT } from '../../support/test-log.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { installCrds } from '../stack/kubernetes/crds.ts';
import { openRealApi } from '../stack/kubernetes/kube-api.ts';

let folder: TempFolder;
let plane: StartedControlPlane;
let namespaces = 0;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
  await installCrds(plane);
});

afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** An empty namespace, and no record. */
async function start() {
  const { api, connection } = openRealApi(plane.kubeconfig);
  await succeed(plane.kubectl(['delete', 'tagrecords', '--all']));
  const name = `store-${++namespaces}`;
  await api.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, signal);
  return { api, namespace: name, [Symbol.asyncDispose]: () => connection.close() };
}

storeContract('kubernetes, for real', async () => {
  const started = await start();
  return { ...started, store: makeRecordStore(started.api), again: () => makeRecordStore(started.api) };
});

stateContract('kubernetes, for real', async () => {
  const started = await start();
  const state = () => makeStateStore({ api: started.api, namespace: started.namespace, name: 'seal' });
  return { ...started, state: state(), again: state };
});

followerContract('kubernetes, for real', async () => {
  const started = await start();
  const { api } = started;
  const follower = makeGenerationFollower({ api, logger: SILENT, random: () => 0 });
  return { ...started, store: makeRecordStore(api), other: makeRecordStore(api), follower };
});

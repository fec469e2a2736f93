import { afterAll, beforeAll } from '@jest/globals';
import { NAMESPACES } from '../../../src/kube/resources.ts';
import { kubeApiContract } from '../../contract/kube/suite.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { openRealApi } from '../stack/kubernetes/kube-api.ts';

let folder: TempFolder;
let plane: StartedControlPlane;
let namespaces = 0;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
});

afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

kubeApiContract('kube-apiserver', async () => {
  const { api, connection } = openRealApi(plane.kubeconfig);
  const namespace = `contract-${++namespaces}`;
  await api.create(
    NAMESPACES,
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    signal,
  );
  return { api, namespace, forget, [Symbol.asyncDispose]: () => connection.close() };
});

/** By etcd's own API: the API server compacts only every five minutes. */
async function forget(resourceVersion: string): Promise<void> {
  const body = JSON.stringify({ revision: resourceVersion, physical: true });
  const answer = await fetch(`${plane.etcdUrl}/v3/kv/compaction`, { method: 'POST', body });
  if (!answer.ok) throw new Error(await answer.text());
}

import { startFakeCluster } from '../../support/kube-client.ts';
import { kubeApiContract } from './suite.ts';

kubeApiContract('fake', async () => {
  const { api, ...cluster } = await startFakeCluster();
  return { api, namespace: 'test', [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
});

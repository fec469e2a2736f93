import { startFakeCluster } from '../../support/kube-client.ts';
import { kubeApiContract } from './suite.ts';

kubeApiContract('fake', async () => {
  const { api, ...cluster } = await startFakeCluster();
  const forget = () => {
    cluster.server.objects.compact();
    return Promise.resolve();
  };
  return { api, namespace: 'test', forget, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
});

import type { KubeApi } from '../../../../src/kube/api.ts';
import { makeKubeApi } from '../../../../src/kube/client.ts';
import { connectToCluster } from '../../../../src/kube/connect.ts';
import type { KubeConnection } from '../../../../src/kube/connection.ts';

export interface RealApi extends AsyncDisposable {
  readonly api: KubeApi;
  readonly connection: KubeConnection;
}

/** The client of Tagseal, by a kubeconfig. */
export function openRealApi(kubeconfig: string): RealApi {
  const connection = connectToCluster(
    { by: 'kubeconfig', files: [kubeconfig] },
    { monotonicMs: () => performance.now() },
  );
  return {
    connection,
    api: makeKubeApi({ connection, random: Math.random }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

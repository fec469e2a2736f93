import type { KubeApi } from '../../src/kube/api.ts';
import { makeKubeApi } from '../../src/kube/client.ts';
import type { KubeConnection } from '../../src/kube/connection.ts';
import { startFakeApiServer, type FakeApiServer } from './fake-api-server.ts';
import { Agent } from 'undici';

/** Long enough for others to be heard. */
export const shortPause = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The plain way to a server of loopback, that counts how often its credentials were renewed. */
export function plainConnection(url: string): KubeConnection & { renewals(): number } {
  const dispatcher = new Agent({ connections: 64, pipelining: 1 });
  let renewals = 0;
  return {
    server: url,
    namespace: 'default',
    user: 'test',
    access: () => Promise.resolve({ dispatcher, headers: { authorization: `Bearer token-${renewals}` } }),
    renew() {
      renewals += 1;
    },
    renewals: () => renewals,
    close: () => dispatcher.destroy(),
  };
}

export interface FakeCluster extends AsyncDisposable {
  readonly server: FakeApiServer;
  readonly connection: ReturnType<typeof plainConnection>;
  readonly api: KubeApi;
}

export async function startFakeCluster(): Promise<FakeCluster> {
  const server = await startFakeApiServer();
  const connection = plainConnection(server.url);
  return {
    server,
    connection,
    api: makeKubeApi({ connection, random: () => 0, pause: shortPause }),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

import type { CheckImage } from '../../src/check/verdict.ts';
import { startServer, type RunningServer } from '../../src/http/server.ts';
import { makeProxyRouter, type ProxyOptions } from '../../src/proxy/router.ts';
import { makeMemoryUpstream, type MemoryUpstream } from './memory-upstream.ts';
import { makeObserved, type Observed } from './observed.ts';

export interface ProxySetup extends Observed, AsyncDisposable {
  readonly url: string;
  readonly server: RunningServer;
  readonly upstream: MemoryUpstream;
}

const ALLOWED = new Set(['docker.io', 'ghcr.io', 'localhost:5000']);

/** A proxy on a loopback port, with a registry in memory behind it. */
export async function proxySetup(
  checkImage: CheckImage,
  change: Partial<ProxyOptions> = {},
): Promise<ProxySetup> {
  const observed = makeObserved();
  const upstream = makeMemoryUpstream();
  const server = await startServer({
    listen: '127.0.0.1:0',
    setting: 'proxy.listen',
    handler: makeProxyRouter({
      ...observed,
      checkImage,
      upstream,
      isAllowed: (registry) => ALLOWED.has(registry),
      virtualHosts: new Map(),
      denyCode: 'DENIED',
      timeoutMs: 10_000,
      maxStreams: 2,
      verifyBlobs: false,
      patienceMs: 5,
      limits: { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 },
      trustedHops: 0,
      via: 'tagseal-test',
      newRequestId: () => 'request-1',
      ...change,
    }),
  });
  return {
    ...observed,
    url: server.url,
    server,
    upstream,
    [Symbol.asyncDispose]: () => server.stop(0),
  };
}

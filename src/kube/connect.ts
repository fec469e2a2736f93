import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Access, KubeConnection } from './connection.ts';
import { loadKubeconfig, type ClusterSource } from './kubeconfig.ts';
import { unavailable } from './kube-error.ts';

/** Tokens and certificates are read again after this; the kubelet changes a token long before its end. */
const REFRESH_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Load balancers close what was idle for a minute. */
const KEEP_ALIVE_MS = 30_000;
/** Watches hold theirs. */
const MAX_CONNECTIONS = 64;

export interface ConnectParts {
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number;
}

interface Material {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Readonly<Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>>;
  readonly proxyUrl: string | undefined;
}

/**
 * Connects as kubectl does: CAs, client certificates, tokens and their files, exec plugins, OIDC, through client-node's
 * KubeConfig. Asks nobody yet. Throws CONFIG_INVALID.
 */
export function connectToCluster(source: ClusterSource, { monotonicMs }: ConnectParts): KubeConnection {
  let config = loadKubeconfig(source);
  const { server, namespace, user, proxyUrl } = describe(config, source);
  let agent: { readonly print: string; readonly dispatcher: Dispatcher } | undefined;
  let current: { readonly access: Promise<Access>; readonly at: number } | undefined;
  const agents = new Set<Dispatcher>();

  async function read(): Promise<Access> {
    const material = await materialOf(config, proxyUrl).catch((cause: unknown) => {
      const why = `its credentials cannot be had: ${quote(String(cause))}; check the kubeconfig`;
      throw unavailable(`log in at ${quote(server)} as ${quote(user)}`, why, { cause });
    });
    return { headers: material.headers, dispatcher: agentFor(material) };
  }

  function agentFor(material: Material): Dispatcher {
    const print = printOf(material);
    if (agent?.print === print) return agent.dispatcher;
    // what is in flight, and each watch, ends on the old connections
    if (agent !== undefined) retire(agent.dispatcher);
    const dispatcher = makeAgent(material);
    agents.add(dispatcher);
    agent = { print, dispatcher };
    return dispatcher;
  }

  function retire(dispatcher: Dispatcher): void {
    const gone = () => agents.delete(dispatcher);
    void dispatcher.close().then(gone, gone);
  }

  return {
    server,
    namespace,
    user,
    async access() {
      const now = monotonicMs();
      if (current === undefined || now - current.at > REFRESH_MS) current = { access: read(), at: now };
      const mine = current;
      try {
        return await mine.access;
      } catch (error) {
        if (current === mine) current = undefined;
        throw error;
      }
    },
    renew() {
      // a fresh one has read no token yet
      config = loadKubeconfig(source);
      current = undefined;
    },
    async close() {
      await Promise.all([...agents].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

function describe(config: KubeConfig, source: ClusterSource) {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const context = config.getContextObject(config.getCurrentContext());
  if (cluster === null || user === null || context === null) {
    const name = quote(config.getCurrentContext());
    throw invalid(
      source,
      `its context ${name} names no cluster and user; choose one of kubectl config get-contexts`,
    );
  }
  const url = URL.parse(cluster.server);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw invalid(source, `the server ${quote(cluster.server)} is no http or https address`);
  const { proxyUrl } = cluster;
  if (proxyUrl !== undefined && !/^https?:\/\//.test(proxyUrl))
    throw invalid(source, `its proxy-url is none of http or https; use such a proxy`);
  return {
    server: `${url.origin}${url.pathname}`.replace(/\/+$/, ''),
    namespace: context.namespace,
    user: user.name,
    proxyUrl,
  };
}

async function materialOf(config: KubeConfig, proxyUrl: string | undefined): Promise<Material> {
  const options: RequestOptions & { headers: Record<string, unknown> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, servername, rejectUnauthorized, auth, headers } = options;
  const basic = typeof auth === 'string' && {
    Authorization: `Basic ${Buffer.from(auth).toString('base64')}`,
  };
  return {
    // a token file may end with a line break
    headers: {
      ...basic,
      ...Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, String(v).trim()])),
    },
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    },
    proxyUrl,
  };
}

function makeAgent({ tls, proxyUrl }: Material): Dispatcher {
  const options = {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    allowH2: false,
  };
  if (proxyUrl !== undefined) return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: { ...tls } });
  return new Agent({ ...options, connect: { ...tls, timeout: CONNECT_TIMEOUT_MS } });
}

/** Tells whether connections may go on: not the token, which every call carries. */
function printOf({ tls, proxyUrl }: Material): string {
  const hash = createHash('sha256');
  const { ca, cert, key, ...rest } = tls;
  const texts = [ca, cert, key].map((part) => (Buffer.isBuffer(part) ? part.toString('base64') : part));
  return hash.update(JSON.stringify([...texts, rest, proxyUrl])).digest('hex');
}

function invalid(source: ClusterSource, why: string): AppError {
  const place = source.by === 'kubeconfig' ? source.files.join(', ') : 'the service account of this Pod';
  return new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot use the kubeconfig ${quote(place)}: ${why}`,
  });
}

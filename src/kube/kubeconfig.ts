import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** Which cluster, and as whom. */
export type ClusterSource =
  | {
      readonly by: 'kubeconfig';
      readonly files: readonly string[];
      /** Default: the current one. */
      readonly context?: string;
    }
  | {
      readonly by: 'serviceAccount';
      readonly host: string;
      readonly port: string;
      /** Default: where the kubelet mounts it. */
      readonly folder?: string;
    };

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Reads it anew. Throws CONFIG_INVALID. */
export function loadKubeconfig(source: ClusterSource): KubeConfig {
  if (source.by === 'serviceAccount') return inPod(source);
  const config = merged(source.files);
  if (source.context !== undefined) config.setCurrentContext(source.context);
  return config;
}

/** As kubectl merges several: the first file that has a name, or a current context, wins; a missing one is passed over. */
function merged(files: readonly string[]): KubeConfig {
  const found = files.length > 1 ? files.filter((file) => existsSync(file)) : files;
  const [first, ...others] = (found.length > 0 ? found : files).map(load);
  const all = first ?? new KubeConfig();
  for (const other of others) {
    all.clusters = withMissing(all.clusters, other.clusters);
    all.users = withMissing(all.users, other.users);
    all.contexts = withMissing(all.contexts, other.contexts);
    all.currentContext ||= other.currentContext;
  }
  return all;
}

function load(file: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
    return config;
  } catch (cause) {
    const [why = ''] = String(cause)
      .replace(/^\w*Error: /, '')
      .split('\n');
    const message = `cannot read the kubeconfig ${quote(file)}: ${quote(why)}; name one by --kubeconfig, KUBECONFIG or kubernetes.kubeconfigFile`;
    throw new AppError({ code: 'CONFIG_INVALID', message, cause });
  }
}

function withMissing<Named extends { readonly name: string }>(
  own: readonly Named[],
  others: readonly Named[],
): Named[] {
  return [...own, ...others.filter(({ name }) => !own.some((each) => each.name === name))];
}

/** What client-node's loadFromCluster makes, which reads the environment by itself. */
function inPod({ host, port, folder = SERVICE_ACCOUNT }: Extract<ClusterSource, { by: 'serviceAccount' }>) {
  const config = new KubeConfig();
  const name = 'in-cluster';
  config.loadFromOptions({
    clusters: [
      {
        name,
        caFile: join(folder, 'ca.crt'),
        server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
        skipTLSVerify: false,
      },
    ],
    users: [
      {
        name: 'service account',
        authProvider: { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } },
      },
    ],
    contexts: [{ name, cluster: name, user: 'service account', namespace: namespaceOf(folder) }],
    currentContext: name,
  });
  return config;
}

function namespaceOf(folder: string): string {
  const file = join(folder, 'namespace');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const message = `cannot read ${quote(file)}: ${quote(String(cause))}; give the Pod a service account, or name a kubeconfig in kubernetes.kubeconfigFile`;
    throw new AppError({ code: 'CONFIG_INVALID', message, cause });
  }
}

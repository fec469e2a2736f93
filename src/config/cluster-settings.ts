import { delimiter } from 'node:path';
import type { ClusterAccess, Config } from './config.ts';
import type { ConfigPlace } from './to-config.ts';
import { contradiction, type ValueReader } from './value-reader.ts';

export function clusterAccess(get: ValueReader, place: ConfigPlace): ClusterAccess {
  return accessBy(get.optional('kubernetes.kubeconfigFile'), place);
}

/** As kubectl finds its cluster: the named file, `$KUBECONFIG`, the service account of a Pod, `~/.kube/config`. */
export function accessBy(
  file: string | undefined,
  { absolute, environment }: Pick<ConfigPlace, 'absolute' | 'environment'>,
): ClusterAccess {
  const named = file === undefined ? (environment['KUBECONFIG'] ?? '').split(delimiter) : [file];
  const files = named.filter((name) => name !== '').map(absolute);
  if (files.length > 0) return { by: 'kubeconfig', files };
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '';
  if (host !== '' && port !== '') return { by: 'serviceAccount', host, port };
  return { by: 'kubeconfig', files: [absolute('~/.kube/config')] };
}

/** `controller.*`. Throws CONFIG_INVALID. */
export function controllerSettings(get: ValueReader): Config['controller'] {
  const enabled = inCluster(get, 'controller.enabled');
  const seconds = get.count('controller.scanEverySeconds');
  const isScanning = get.flag('controller.scan') && seconds !== undefined;
  return { enabled, ...(isScanning && { scanEveryMs: seconds * 1_000 }) };
}

/** Whether the flag is set; what it asks for needs `store.kind: kubernetes`. Throws CONFIG_INVALID. */
export function inCluster(get: ValueReader, path: string): boolean {
  const isSet = get.raw(path) === 'cluster' || get.flag(path);
  if (isSet && get.text('store.kind') !== 'kubernetes') {
    throw contradiction(path, 'needs store.kind kubernetes');
  }
  return isSet;
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from './clients.ts';
import { succeed } from './clients.ts';
import type { StartedCluster } from './cluster.ts';
import type { TagsealImage } from './tagseal-image.ts';

const CHART = join(import.meta.dirname, '../../../../charts/tagseal');
export const NAMESPACE = 'tagseal-system';
const INSTALL_PATIENCE_MS = 240_000;

export interface ReleaseOptions {
  /** Of the cluster. Default: helm 4. */
  readonly helm?: Client;
  /** Further `--set-json key=value`. */
  readonly set?: readonly string[];
}

/** The values that a user of this cluster gives: where image, log and registry are. The rest is the chart's default. */
export async function valuesFile(cluster: StartedCluster, { image }: TagsealImage): Promise<string> {
  const { rekor, registry, folder } = cluster;
  if (rekor === undefined) throw new Error('a cluster without a log');
  const [repository = '', tag = ''] = image.slice(`${registry.host}/`.length).split(':');
  const values = {
    image: { registry: registry.host, repository, tag },
    config: {
      log: {
        kind: 'rekor-v2',
        url: rekor.url,
        readUrl: rekor.readUrl,
        origin: rekor.origin,
        publicKeyFile: '/etc/tagseal/files/log.pub',
      },
      registries: { allow: [registry.host], plainHttp: [registry.host] },
    },
    files: { 'log.pub': await readFile(rekor.publicKeyFile, 'utf8') },
  };
  const file = join(folder, 'values.yaml');
  await writeFile(file, JSON.stringify(values));
  return file;
}

/** `helm upgrade --install --wait`: every Pod is Ready when it resolves. */
export async function installTagseal(
  cluster: StartedCluster,
  values: string,
  { helm = cluster.helm4, set = [] }: ReleaseOptions = {},
): Promise<string> {
  const place = ['--namespace', NAMESPACE, '--create-namespace', '--wait', '--timeout', '180s'];
  const further = set.flatMap((each) => ['--set-json', each]);
  const args = ['upgrade', '--install', 'tagseal', CHART, ...place, '--values', values, ...further];
  return succeed(helm(args, { timeoutMs: INSTALL_PATIENCE_MS }));
}

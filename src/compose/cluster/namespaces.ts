import type { NamespaceLookup } from '../../admission/namespace.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { KubeObject } from '../../kube/api.ts';
import { NAMESPACES } from '../../kube/resources.ts';
import { makeWatchCache } from '../../kube/watch-cache.ts';
import type { ClusterParts } from './cluster.ts';

export interface ClusterNamespaces extends NamespaceLookup {
  readonly synced: Promise<void>;
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Names of those with the label, in no particular order. */
  readonly labelled: (label: string) => readonly { readonly name: string; readonly value: string }[];
}

type Labels = Readonly<Record<string, string>>;

/** Follows the labels of namespaces; one that was not heard of yet is asked for. */
export function followNamespaces({ cluster, logger, random }: ClusterParts): ClusterNamespaces {
  const { api } = cluster;
  const cache = makeWatchCache<{ readonly name: string; readonly labels: Labels }>({
    api,
    resource: NAMESPACES,
    options: { metadataOnly: true },
    transform: (object) => ({ name: object.metadata.name, labels: labelsIn(object) }),
    logger,
    random,
  });
  return {
    synced: cache.synced,
    run: cache.run,
    labelled: (label) =>
      [...cache.values()].flatMap(({ name, labels }) => {
        const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
        return value === undefined ? [] : [{ name, value }];
      }),
    async labelsOf(name, signal) {
      const known = cache.get(name);
      if (known !== undefined) return known.labels;
      const found = await api.get(NAMESPACES, name, signal);
      if (found !== undefined) return labelsIn(found);
      throw new AppError({
        code: 'KUBERNETES_UNAVAILABLE',
        message: `there is no namespace ${quote(name)} yet; try again`,
      });
    },
  };
}

function labelsIn({ metadata: { labels = {} } }: KubeObject): Labels {
  return labels;
}

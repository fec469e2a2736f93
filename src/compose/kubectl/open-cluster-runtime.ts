import { placeOf, type NamespaceLookup } from '../../admission/namespace.ts';
import { makeCheckImage } from '../../check/check-image.ts';
import { makeCheckWorkload } from '../../check/check-workload.ts';
import { makeExplainImage, type RunPlace } from '../../check/explain-image.ts';
import type { ClusterOptions, ClusterRuntime } from '../../cli/kubectl/ports.ts';
import type { ListedTag, ScanPlaces } from '../../cli/ports.ts';
import type { ClusterAccess } from '../../config/config.ts';
import type { KubeApi } from '../../kube/api.ts';
import { publicMapName } from '../../kube/public-map.ts';
import { makeRecordStore } from '../../kube/record-store.ts';
import { systemClock } from '../../observe/clock.ts';
import type { Logger } from '../../observe/log.ts';
import { makeReaderNaming } from '../../protocol/naming.ts';
import { isTagReference, parseReference } from '../../reference/parse-reference.ts';
import { makeRegistry, type Registry } from '../../registry/make-registry.ts';
import { trustedRootFor } from '../../rekor/trusted-root.ts';
import { makeEvidenceVerifier } from '../../rekor/verify-bundle.ts';
import { followNamespaces, type ClusterNamespaces } from '../cluster/namespaces.ts';
import { parsePublished, type Published } from '../cluster/parse-published.ts';
import { followPolicies, type ClusterPolicies } from '../cluster/policies.ts';
import { makeScanReport } from '../cluster/scan-report.ts';
import { incidentReporter } from '../core.ts';
import { dockerConfig } from '../docker-config.ts';
import { signerOf } from '../runtime.ts';
import { approve } from './approve.ts';
import { findInstallation } from './find-installation.ts';
import { makeRecordReader, readOnlyLedger } from './reader.ts';

export interface ClusterRuntimeParts {
  readonly access: ClusterAccess;
  readonly options: ClusterOptions;
  readonly home: string | undefined;
  readonly logger: Logger;
}

/** The cluster as the caller of kubectl may see it: see ClusterRuntime. Throws CONFIG_INVALID, KUBERNETES_*, TRUST_ROOT_INVALID. */
export async function openClusterRuntime(
  { access, options, home, logger }: ClusterRuntimeParts,
  signal: AbortSignal,
): Promise<ClusterRuntime> {
  await using opening = new AsyncDisposableStack();
  const { connectToCluster } = await import('../../kube/connect.ts');
  const { makeKubeApi } = await import('../../kube/client.ts');
  const connection = connectToCluster(access, { monotonicMs: () => systemClock.monotonicMs() });
  opening.defer(() => connection.close());
  const api = makeKubeApi({ connection, random: Math.random });
  const map = await findInstallation(api, options, signal);
  const published = parsePublished(map);
  const name = map.name.slice(0, -publicMapName('').length);
  const follow = { cluster: { api, namespace: map.namespace, name }, logger, random: Math.random };
  const policies = followPolicies(follow, published.policy);
  await policies.load(signal);
  const namespaces = followNamespaces(follow);
  const place = await askedPlace(namespaces, options.namespace, signal);
  const registry = openRegistry(published, home);
  opening.defer(() => registry.close());
  const usual = { namespace: options.namespace ?? connection.namespace ?? 'default' };
  const opened = { api, published, policies, namespaces, place, usual, registry, logger };
  const kept = opening.move();
  return { ...runtimeOf(opened), close: () => kept.disposeAsync() };
}

interface Opened {
  readonly api: KubeApi;
  readonly published: Published;
  readonly policies: ClusterPolicies;
  readonly namespaces: ClusterNamespaces;
  readonly place: RunPlace;
  readonly usual: ScanPlaces;
  readonly registry: Registry;
  readonly logger: Logger;
}

function runtimeOf(opened: Opened): Omit<ClusterRuntime, 'close'> {
  const { api, published, policies, place, registry, logger } = opened;
  const { evidence } = published;
  const verifier = makeEvidenceVerifier(evidence);
  const reader = makeRecordReader({ api, naming: makeReaderNaming(published), verifier });
  const judging = {
    policy: policies.current,
    ledger: readOnlyLedger(reader),
    resolver: registry.resolver,
    incident: incidentReporter(logger),
  };
  const findRecord: ClusterRuntime['findRecord'] = (reference, signal) => reader.find(reference, signal);
  const generations: ClusterRuntime['generations'] = (reference, signal) =>
    reader.generations(reference, signal);
  const inPlace = makeCheckImage(judging);
  const checkImage: typeof inPlace = (text, context) => inPlace(text, { ...context, ...place });
  return {
    checkImage,
    checkWorkload: makeCheckWorkload(checkImage),
    explain: makeExplainImage(judging, place),
    findRecord,
    generations,
    scan: makeScanReport({ ...opened, policy: policies.current, findRecord, generations }),
    tags: (signal) => tagsOf(api, published.scope, signal),
    approve: (wish, signal) => approve(api, wish, signal),
    trust: { trustedRoot: trustedRootFor(evidence.logs[0], evidence.sigstore), signerOf },
  };
}

async function askedPlace(
  lookup: NamespaceLookup,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<RunPlace> {
  if (namespace === undefined) return {};
  const { warnings: _, ...place } = await placeOf(lookup, namespace, signal);
  return place;
}

function openRegistry({ plainHttp }: Published, home: string | undefined): Registry {
  const file = dockerConfig(home);
  return makeRegistry({
    clock: systemClock,
    allowPrivate: true,
    namedHosts: new Set(plainHttp),
    plainHttp: new Set(plainHttp),
    ...(file && { credentialsFile: file }),
  });
}

async function* tagsOf(api: KubeApi, scope: string, signal: AbortSignal): AsyncGenerator<ListedTag> {
  for await (const stored of makeRecordStore(api).list(signal)) {
    if ('error' in stored) {
      yield { kind: 'broken', ...stored };
      continue;
    }
    const reference = parseReference(stored.record.reference);
    if (stored.record.scope === scope && isTagReference(reference)) yield { kind: 'tag', reference };
  }
}

import { MODE_LABEL, placeOf } from '../../admission/namespace.ts';
import type { ReadRuntime, ScanPlaces } from '../../cli/ports.ts';
import { makeComparer } from '../../controller/compare.ts';
import type { ScannedPod } from '../../controller/ports.ts';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import type { KubeApi } from '../../kube/api.ts';
import { podPages } from '../../kube/pod-images.ts';
import { NAMESPACES } from '../../kube/resources.ts';
import { ruleFor, type CompiledPolicy, type Namespace } from '../../policy/rule-for.ts';
import type { ClusterNamespaces } from './namespaces.ts';

export interface ScanReportParts extends Pick<ReadRuntime, 'findRecord' | 'generations'> {
  readonly api: KubeApi;
  readonly namespaces: Pick<ClusterNamespaces, 'labelsOf'>;
  readonly policy: () => CompiledPolicy;
  /** Where to look if nobody says it. */
  readonly usual: ScanPlaces;
}

/** What runs against what is recorded, once, for a person. Throws KUBERNETES_*. */
export function makeScanReport(parts: ScanReportParts): NonNullable<ReadRuntime['scan']> {
  const { api, policy, findRecord, generations, usual } = parts;
  return async function scan(asked, signal) {
    const places = await placesOf(parts, asked ?? usual, signal);
    const compare = makeComparer({
      find: findRecord,
      async generationOf(reference, digest, signal) {
        const all = await generations(reference, signal);
        const same = all.find((each) => each.kind === 'verified' && each.record.digest === digest);
        return same?.kind === 'verified' ? same.record.generation : undefined;
      },
      isExempt(reference, name) {
        const namespace = places.find((place) => place.name === name);
        return ruleFor(policy(), reference, { ...(namespace && { namespace }) }).kind === 'exempt';
      },
    });
    return compare(podsIn(api, places, signal), signal);
  };
}

async function placesOf(
  { api, namespaces }: ScanReportParts,
  places: ScanPlaces,
  signal: AbortSignal,
): Promise<readonly Namespace[]> {
  if (places !== 'optedIn') {
    const { namespace } = await placeOf(namespaces, places.namespace, signal);
    return namespace === undefined ? [] : [namespace];
  }
  const options = { labelSelector: MODE_LABEL, metadataOnly: true, limit: 0 };
  const page = await api.listPage(NAMESPACES, options, signal);
  if (page === 'expired') throw tooLate('the namespaces');
  return page.items
    .map(({ metadata: { name, labels = {} } }) => ({ name, labels }))
    .filter(({ labels }) => labels[MODE_LABEL] !== 'off');
}

async function* podsIn(
  api: KubeApi,
  places: readonly Namespace[],
  signal: AbortSignal,
): AsyncGenerator<readonly ScannedPod[]> {
  for (const { name } of places) {
    const end = yield* podPages(api, name, signal);
    if (end === 'expired') throw tooLate(`the Pods of namespace ${quote(name)}`);
  }
}

function tooLate(what: string): AppError {
  return new AppError({
    code: 'KUBERNETES_UNAVAILABLE',
    message: `cannot list ${what}: the list expired before its end; try again`,
  });
}

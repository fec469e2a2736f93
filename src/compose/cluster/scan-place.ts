import { MODE_LABEL } from '../../admission/namespace.ts';
import type { EventSubject, ScanPlace, ScannedPod } from '../../controller/ports.ts';
import { makeEventWriter, tagRecordTarget, type EventTarget } from '../../kube/events.ts';
import { writeObserved } from '../../kube/observed-state.ts';
import { podImages } from '../../kube/pod-images.ts';
import { PODS } from '../../kube/resources.ts';
import { recordName } from '../../ledger/tag-record.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterNamespaces } from './namespaces.ts';

export interface ScanPlaceParts {
  readonly cluster: Cluster;
  readonly namespaces: Pick<ClusterNamespaces, 'labelled'>;
  /** Name of this Pod. */
  readonly instance: string;
  readonly clock: { now(): number };
  readonly uniqueName: () => string;
}

const PAGE = 500;

/** The cluster as a scan sees it: Pods of the namespaces that opted in. */
export function makeScanPlace({
  cluster,
  namespaces,
  instance,
  clock,
  uniqueName,
}: ScanPlaceParts): ScanPlace {
  const { api } = cluster;
  const writeEvent = makeEventWriter({ api, instance, clock, uniqueName });

  async function* podsOf(namespace: string, signal: AbortSignal): AsyncIterable<readonly ScannedPod[]> {
    for (let next: string | undefined, isLast = false; !isLast;) {
      const more = next === undefined ? {} : { continue: next };
      const page = await api.listPage({ ...PODS, namespace }, { limit: PAGE, ...more }, signal);
      // the next scan sees what this one does not
      if (page === 'expired') return;
      yield page.items.flatMap((pod) => podImages(pod) ?? []);
      next = page.continue;
      isLast = next === undefined;
    }
  }

  return {
    async *pods(signal) {
      for (const { name, value } of namespaces.labelled(MODE_LABEL)) {
        if (value !== 'off') yield* podsOf(name, signal);
      }
    },
    observe: ({ claimId, generation }, observed, signal) =>
      writeObserved({ api, now: clock.now() }, recordName(claimId, generation), observed, signal),
    tell: ({ about, reason, message }, signal) => writeEvent(targetOf(about), { reason, message }, signal),
  };
}

function targetOf(about: EventSubject): EventTarget {
  if (about.kind === 'TagRecord')
    return tagRecordTarget(recordName(about.record.claimId, about.record.generation));
  const { namespace, name, uid } = about;
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}

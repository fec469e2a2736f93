import { MODE_LABEL } from '../../admission/namespace.ts';
import type { EventSubject, ScanPlace } from '../../controller/ports.ts';
import { makeEventWriter, tagRecordTarget, type EventTarget } from '../../kube/events.ts';
import { writeObserved } from '../../kube/observed-state.ts';
import { podPages } from '../../kube/pod-images.ts';
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

  return {
    async *pods(signal) {
      for (const { name, value } of namespaces.labelled(MODE_LABEL)) {
        // the next scan sees what this one does not
        if (value !== 'off') yield* podPages(api, name, signal);
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

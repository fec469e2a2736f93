import { toAppError } from '../errors/app-error.ts';
import type { KnownRecord } from '../ledger/record.ts';
import type { Logger } from '../observe/log.ts';
import type { ClusterEvent, EventSubject, Observed, ScanPlace } from './ports.ts';
import type { ImageInUse, RunningTag } from './tags-in-use.ts';

/** The Pods of one tag that hear of it, each scan: more would only fill the cluster's Events. */
const MAX_PODS_TOLD = 20;

export interface Teller {
  /** A tag is found in another state than before: its record hears of it, and some Pods that use it. */
  ofTag(
    tag: RunningTag,
    seen: { readonly record: KnownRecord; readonly observed: Observed },
    signal: AbortSignal,
  ): Promise<void>;
  /** Pods that run another digest than the recorded one; how many there are. */
  ofOthers(tag: RunningTag, record: KnownRecord, signal: AbortSignal): Promise<number>;
}

/** Events for what a scan found. One that cannot be written is logged: what was found stands in metrics, too. */
export function makeTeller({
  place,
  logger,
}: {
  readonly place: Pick<ScanPlace, 'tell'>;
  readonly logger: Logger;
}): Teller {
  async function tell(event: ClusterEvent, signal: AbortSignal): Promise<void> {
    try {
      await place.tell(event, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const { code, message } = toAppError(error);
      logger.warn('scan.eventNotWritten', { reason: event.reason, code }, message);
    }
  }

  return {
    async ofTag({ uses }, { record, observed }, signal) {
      const event = eventOf(record, observed);
      if (event === undefined) return;
      await tell({ about: { kind: 'TagRecord', record }, ...event }, signal);
      for (const about of subjectsOf(uses)) await tell({ about, ...event }, signal);
    },

    async ofOthers({ uses }, { reference, digest }, signal) {
      const others = uses.filter(({ image }) => image.running !== undefined && image.running !== digest);
      for (const { pod, image } of others.slice(0, MAX_PODS_TOLD)) {
        const message = `container ${image.container} runs ${image.running ?? ''}, and ${reference} is recorded as ${digest}`;
        await tell({ about: { kind: 'Pod', ...pod }, reason: 'DigestNotRecorded', message }, signal);
      }
      return others.length;
    },
  };
}

function eventOf(
  { reference, digest }: KnownRecord,
  observed: Observed,
): Pick<ClusterEvent, 'reason' | 'message'> | undefined {
  if (observed.state === 'Moved') {
    const message = `${reference} is recorded as ${digest} and points to ${observed.digest ?? ''} now: new Pods of it are refused`;
    return { reason: 'TagMoved', message };
  }
  if (observed.state === 'Gone') {
    const message = `${reference} is recorded as ${digest}, and its registry does not know the tag any more`;
    return { reason: 'TagGone', message };
  }
  return undefined;
}

function subjectsOf(uses: readonly ImageInUse[]): readonly EventSubject[] {
  const pods = new Map(uses.map(({ pod }) => [pod.uid, pod]));
  return [...pods.values()].slice(0, MAX_PODS_TOLD).map((pod) => ({ kind: 'Pod', ...pod }));
}

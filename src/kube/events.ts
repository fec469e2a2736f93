import type { KubeApi, KubeObject } from './api.ts';
import { API_VERSION, eventsIn } from './resources.ts';

/** What an Event is about, and where it stands: those of objects without a namespace stand in `default`. */
export interface EventTarget {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

export interface EventText {
  readonly reason: string;
  /** At most 1 kB is kept (events.k8s.io/v1 `note`). */
  readonly message: string;
}

export interface EventWriterParts {
  readonly api: KubeApi;
  /** Name of this process's Pod. */
  readonly instance: string;
  readonly clock: { now(): number };
  /** Ends the name of an Event, for which each needs its own. */
  readonly uniqueName: () => string;
}

const MAX_NOTE_BYTES = 1024;

export type WriteEvent = (about: EventTarget, text: EventText, signal: AbortSignal) => Promise<void>;

/** Writes warnings as Events (events.k8s.io/v1). Throws KUBERNETES_*. */
export function makeEventWriter({ api, instance, clock, uniqueName }: EventWriterParts): WriteEvent {
  return async function writeEvent(about, { reason, message }, signal) {
    const namespace = about.namespace ?? 'default';
    const { apiVersion, kind, name, uid } = about;
    const event: KubeObject = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${uniqueName()}`, namespace },
      eventTime: microTime(clock.now()),
      reportingController: 'tagseal.dev/controller',
      reportingInstance: instance,
      action: 'Scanned',
      type: 'Warning',
      reason,
      note: cut(message),
      regarding: {
        apiVersion,
        kind,
        name,
        ...(about.namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
      },
    };
    await api.create(eventsIn(namespace), event, signal);
  };
}

export function tagRecordTarget(name: string): EventTarget {
  return { apiVersion: API_VERSION, kind: 'TagRecord', name };
}

/** metav1.MicroTime: six digits. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
}

function cut(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length <= MAX_NOTE_BYTES ? text : bytes.subarray(0, MAX_NOTE_BYTES - 4).toString('utf8');
}

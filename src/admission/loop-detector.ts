import { LRUCache } from 'lru-cache';
import { isJsonObject, textAt } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { Review } from './review.ts';

/** Who makes a Pod: its controller, and the name that the Pod is given again and again. */
export interface PodOwner {
  readonly uid: string;
  readonly kind: string;
  readonly name: string;
  readonly pod: string;
}

/** Notices operators that fight the rewrite: they find another image text than they wrote, and make the Pod anew for ever. */
export interface LoopDetector {
  /** Notes that the owner's Pod is created with these images, and says whether that happens too often. */
  isLoop(owner: PodOwner, images: readonly string[]): boolean;
}

/** More than this many in WINDOW_MS. */
const MAX_CREATIONS = 5;
const WINDOW_MS = 600_000;
const MAX_PODS = 10_000;
const MAX_LENGTH = 253;
/** Controllers of Kubernetes itself compare a hash of their template, and never the image of a Pod. */
const OWN_GROUPS = /^(?:apps|batch)\/|^v1$/;

export function makeLoopDetector(clock: { monotonicMs(): number }): LoopDetector {
  const pods = new LRUCache<string, { readonly images: string; readonly times: readonly number[] }>({
    max: MAX_PODS,
  });
  return {
    isLoop({ uid, pod }, images) {
      const key = JSON.stringify([uid, pod]);
      const now = clock.monotonicMs();
      const seen = pods.get(key);
      const text = JSON.stringify(images);
      const before = seen?.images === text ? seen.times.filter((time) => now - time < WINDOW_MS) : [];
      const times = [...before, now].slice(-(MAX_CREATIONS + 1));
      pods.set(key, { images: text, times });
      return times.length > MAX_CREATIONS;
    },
  };
}

/**
 * The controller of a Pod that is created, where it may compare images: none of Kubernetes' own. Undefined where the Pod
 * has no name of its own either: what makes many Pods is no loop.
 */
export function ownerOf({ operation, groupKind, dryRun, object, subResource }: Review): PodOwner | undefined {
  if (operation !== 'CREATE' || groupKind !== '/Pod' || subResource !== '' || dryRun) return undefined;
  const metadata = object?.['metadata'];
  const controller = isJsonObject(metadata) ? controllerOf(metadata) : undefined;
  if (!isJsonObject(metadata) || controller === undefined) return undefined;
  const owner = {
    uid: textAt(controller, 'uid'),
    kind: textAt(controller, 'kind'),
    name: textAt(controller, 'name'),
    pod: textAt(metadata, 'name'),
  };
  return Object.values(owner).every((text) => text !== '' && text.length <= MAX_LENGTH) ? owner : undefined;
}

function controllerOf(metadata: JsonObject): JsonObject | undefined {
  const references = metadata['ownerReferences'];
  const list: readonly unknown[] = Array.isArray(references) ? references : [];
  const controller = list.filter(isJsonObject).find((reference) => reference['controller'] === true);
  if (controller === undefined || OWN_GROUPS.test(textAt(controller, 'apiVersion'))) return undefined;
  return controller;
}

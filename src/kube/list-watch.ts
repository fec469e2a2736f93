import { pause as pauseFor } from '../cache/pause.ts';
import { toAppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';
import type { KubeApi, KubeObject, ListOptions, Resource } from './api.ts';
import { makeBackOff } from './back-off.ts';

const PAGE = 500;
/** Watches that end with an error, one after the other. */
const MAX_FAILURES = 3;

/** What an object is known by: its name, behind its namespace and a slash where it has one. */
export type ObjectKey = string;

export interface ListWatchHandlers<Item> {
  /** All that there is, at the start and after each gap: what is not in it is gone. */
  readonly onReplace: (all: ReadonlyMap<ObjectKey, Item>) => void;
  readonly onUpsert: (key: ObjectKey, item: Item) => void;
  readonly onDelete: (key: ObjectKey) => void;
}

export interface ListWatchParts<Item> extends ListWatchHandlers<Item> {
  readonly api: Pick<KubeApi, 'listPage' | 'watch'>;
  readonly resource: Resource;
  readonly options?: ListOptions;
  /** Applied on arrival, so that no more than this is kept; undefined leaves the object out, as if it were not there. */
  readonly transform: (object: KubeObject) => Item | undefined;
  readonly logger: Logger;
  /** 0 to 1, for the spread of tries. */
  readonly random: () => number;
  readonly pause?: typeof pauseFor;
}

export interface ListWatch {
  /** Follows until `signal`; an outage, however long, is waited for. Never rejects. Once. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Resolves after the first `onReplace`. */
  readonly synced: Promise<void>;
}

/** Lists in pages, then watches from there; lists again where the watch's version is too old. */
export function makeListWatch<Item>(parts: ListWatchParts<Item>): ListWatch {
  const { api, resource, options = {}, transform, logger, random, pause = pauseFor } = parts;
  const job = `kube.${resource.plural}`;
  const { promise: synced, resolve: markSynced } = Promise.withResolvers<undefined>();
  const backOff = makeBackOff(random);
  let failures = 0;

  /** A handler that throws is an error of the program, and no reason to stop following. */
  function told(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      logger.error('kube.handlerFailed', { resource: resource.plural, error });
    }
  }

  function accepted(object: KubeObject): Item | undefined {
    try {
      return transform(object);
    } catch (error) {
      logger.error('kube.handlerFailed', { resource: resource.plural, name: object.metadata.name, error });
      return undefined;
    }
  }

  /** The version to watch from, or undefined where the pages became too old while they were read. */
  async function list(signal: AbortSignal): Promise<string | undefined> {
    const all = new Map<ObjectKey, Item>();
    for (let next: string | undefined; ;) {
      const more = next === undefined ? {} : { continue: next };
      const page = await api.listPage(resource, { ...options, limit: PAGE, ...more }, signal);
      if (page === 'expired') return undefined;
      for (const object of page.items) {
        const item = accepted(object);
        if (item !== undefined) all.set(keyOf(object), item);
      }
      next = page.continue;
      if (next !== undefined) continue;
      told(() => parts.onReplace(all));
      markSynced(undefined);
      return page.resourceVersion;
    }
  }

  function apply(type: string, object: KubeObject): void {
    const key = keyOf(object);
    const item = type === 'DELETED' ? undefined : accepted(object);
    told(() => (item === undefined ? parts.onDelete(key) : parts.onUpsert(key, item)));
  }

  /** The version that a new watch begins at, or undefined where everything has to be listed again. */
  async function watch(from: string, signal: AbortSignal): Promise<string | undefined> {
    let resourceVersion = from;
    try {
      const events = api.watch(resource, { ...options, resourceVersion }, signal);
      for (;;) {
        const next = await events.next();
        if (next.done === true) return next.value === 'expired' ? undefined : resourceVersion;
        const event = next.value;
        backOff.reset();
        failures = 0;
        if (event.type !== 'BOOKMARK') apply(event.type, event.object);
        resourceVersion =
          (event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion) ??
          resourceVersion;
      }
    } catch (error) {
      warn(error, signal);
      failures += 1;
      // a version from before the cluster was restored from a backup is never reached
      return failures < MAX_FAILURES ? resourceVersion : undefined;
    }
  }

  function warn(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    const { code, message } = toAppError(error);
    logger.warn('background.failed', { job, code }, message);
  }

  return {
    synced,
    run: async (signal) => {
      let from: string | undefined;
      while (!signal.aborted) {
        if (from === undefined) {
          from = await list(signal).catch((error: unknown) => {
            warn(error, signal);
            return undefined;
          });
          failures = 0;
          if (from !== undefined) continue;
        } else from = await watch(from, signal);
        // a server that ends each watch at once is not asked in a tight loop
        await pause(backOff.next(), signal);
      }
    },
  };
}

export function keyOf({ metadata: { namespace, name } }: KubeObject): ObjectKey {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

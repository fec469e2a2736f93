import type { Digest } from '../reference/digest.ts';
import { isDigest } from '../reference/parse-digest.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { fieldsOf, listOf, textOf } from './fields.ts';
import { PODS } from './resources.ts';

/** A Pod's images and what its node says that they are. */
export interface PodImages {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly images: readonly {
    readonly container: string;
    readonly text: string;
    readonly running?: Digest;
  }[];
}

const LISTS = [
  ['containers', 'containerStatuses'],
  ['initContainers', 'initContainerStatuses'],
  ['ephemeralContainers', 'ephemeralContainerStatuses'],
] as const;

const PAGE = 500;

/** The Pods of a namespace that run something, a page at a time; `expired`: not all of them. Throws KUBERNETES_*. */
export async function* podPages(
  api: Pick<KubeApi, 'listPage'>,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<readonly PodImages[], 'all' | 'expired'> {
  for (let next: string | undefined, isLast = false; !isLast;) {
    const more = next === undefined ? {} : { continue: next };
    const page = await api.listPage({ ...PODS, namespace }, { limit: PAGE, ...more }, signal);
    if (page === 'expired') return page;
    yield page.items.flatMap((pod) => podImages(pod) ?? []);
    next = page.continue;
    isLast = next === undefined;
  }
  return 'all';
}

/** Reads a Pod (core/v1); one that has ended runs nothing. */
export function podImages({ metadata, spec, status }: KubeObject): PodImages | undefined {
  const { namespace = '', name, uid = '' } = metadata;
  const specFields = fieldsOf(spec);
  const statusFields = fieldsOf(status);
  if (['Succeeded', 'Failed'].includes(textOf(statusFields['phase']) ?? '')) return undefined;
  const images = LISTS.flatMap(([list, statuses]) => {
    const running = runningDigests(statusFields[statuses]);
    return listOf(specFields[list]).flatMap((item) => {
      const { name: container, image } = fieldsOf(item);
      if (typeof container !== 'string' || typeof image !== 'string') return [];
      const digest = running.get(container);
      return [{ container, text: image, ...(digest !== undefined && { running: digest }) }];
    });
  });
  return { namespace, name, uid, images };
}

function runningDigests(statuses: unknown): ReadonlyMap<string, Digest> {
  return new Map(
    listOf(statuses).flatMap((status) => {
      const { name, imageID } = fieldsOf(status);
      const digest = imageDigest(textOf(imageID) ?? '');
      return typeof name === 'string' && digest !== undefined ? [[name, digest] as const] : [];
    }),
  );
}

/** `docker.io/library/alpine@sha256:…`; an ID without a repository is that of the config, and says nothing of a manifest. */
function imageDigest(imageId: string): Digest | undefined {
  const at = imageId.lastIndexOf('@');
  const digest = imageId.slice(at + 1);
  return at > 0 && isDigest(digest) ? digest : undefined;
}

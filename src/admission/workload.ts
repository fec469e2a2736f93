import { invalid } from './review.ts';
import { isJsonObject, textAt } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

export type ImageList = 'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes';

/** One image text of a Pod or a pod template, and where it stands. */
export interface PlacedImage {
  readonly list: ImageList;
  readonly index: number;
  /** Name of the container or volume; empty when it has none. */
  readonly name: string;
  readonly text: string;
}

/** The order in which answers name images. */
const LISTS: readonly ImageList[] = ['containers', 'initContainers', 'ephemeralContainers', 'volumes'];

const MAX_IMAGES = 128;
const MAX_TEXT_LENGTH = 4096;

/** Where the pod spec stands, by group and kind. */
const SPEC_PATHS: ReadonlyMap<string, readonly string[]> = new Map([
  ['/Pod', ['spec']],
  ['/ReplicationController', ['spec', 'template', 'spec']],
  ['apps/Deployment', ['spec', 'template', 'spec']],
  ['apps/ReplicaSet', ['spec', 'template', 'spec']],
  ['apps/StatefulSet', ['spec', 'template', 'spec']],
  ['apps/DaemonSet', ['spec', 'template', 'spec']],
  ['batch/Job', ['spec', 'template', 'spec']],
  ['batch/CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
]);

/** The path of the pod spec in an object of that kind, or undefined for a kind that has none. */
export function specPath(groupKind: string): readonly string[] | undefined {
  return SPEC_PATHS.get(groupKind);
}

/** The pod spec at the path; undefined where a template is left out. Throws REVIEW_INVALID. */
export function specAt(object: JsonObject, path: readonly string[]): JsonObject | undefined {
  let at: unknown = object;
  for (const step of path) {
    if (at === undefined || at === null) return undefined;
    if (!isJsonObject(at)) throw invalid(`something above ${path.join('.')} is not an object`);
    at = at[step];
  }
  if (at === undefined || at === null) return undefined;
  if (!isJsonObject(at)) throw invalid(`${path.join('.')} is not an object`);
  return at;
}

/** Every image of a pod spec, in spec order. An absent or empty image is the API server's to refuse. Throws REVIEW_INVALID. */
export function imagesOf(spec: JsonObject): readonly PlacedImage[] {
  const images: PlacedImage[] = [];
  for (const list of LISTS) {
    const items = spec[list];
    if (items === undefined || items === null) continue;
    if (!Array.isArray(items)) throw invalid(`the pod's ${list} is not a list`);
    for (let index = 0; index < items.length; index += 1) {
      const image = imageOf(items[index], list, index);
      if (image !== undefined) images.push(image);
    }
  }
  if (images.length > MAX_IMAGES) {
    throw invalid(`the pod has ${images.length} images, and at most ${MAX_IMAGES} are judged; split the pod`);
  }
  return images;
}

function imageOf(item: unknown, list: ImageList, index: number): PlacedImage | undefined {
  if (!isJsonObject(item)) throw invalid(`${list}[${index}] is not an object`);
  const text = list === 'volumes' ? volumeReference(item, index) : item['image'];
  if (text === undefined || text === null || text === '') return undefined;
  if (typeof text !== 'string' || text.length > MAX_TEXT_LENGTH) {
    throw invalid(`the image of ${list}[${index}] is not a text of at most ${MAX_TEXT_LENGTH} characters`);
  }
  return { list, index, name: textAt(item, 'name'), text };
}

/** Image volumes (KEP-4639): `volumes[].image.reference`. */
function volumeReference(volume: JsonObject, index: number): unknown {
  const source = volume['image'];
  if (source === undefined || source === null) return undefined;
  if (!isJsonObject(source)) throw invalid(`the image of volumes[${index}] is not an object`);
  return source['reference'];
}

/** `spec.containers[0].image`: the field as people and `status.details.causes` write it. */
export function fieldOf(path: readonly string[], { list, index }: PlacedImage): string {
  return `${path.join('.')}.${list}[${index}].image${list === 'volumes' ? '.reference' : ''}`;
}

/** `/spec/containers/0/image`: the JSON pointer (RFC 6901). Only fixed names and numbers, so nothing needs escaping. */
export function pointerOf(path: readonly string[], { list, index }: PlacedImage): string {
  return `/${path.join('/')}/${list}/${index}/image${list === 'volumes' ? '/reference' : ''}`;
}

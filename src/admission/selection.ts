import { quote } from '../errors/quote.ts';
import { isJsonObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import { pullSecretsOf } from './pull-access.ts';
import type { PullSecretsAsked } from './pull-access.ts';
import type { Review } from './review.ts';
import { invalid } from './review.ts';
import { imagesOf, specAt, specPath } from './workload.ts';
import type { ImageList, PlacedImage } from './workload.ts';

/** What of a review is to be judged. */
export interface Selection {
  readonly path: readonly string[];
  readonly images: readonly PlacedImage[];
  readonly pullSecrets: PullSecretsAsked;
  /** Whether a patch may touch the image: an UPDATE can change containers and initContainers only. */
  readonly mayPatch: (image: PlacedImage) => boolean;
}

export type Selected =
  { readonly kind: 'skip'; readonly why: string } | { readonly kind: 'judge'; readonly selection: Selection };

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const EPHEMERAL = 'ephemeralcontainers';
const POD = '/Pod';

/**
 * Which images a door must judge: all on CREATE, only changed ones on UPDATE, so that a label can still be edited on a
 * Pod whose tag moved later. Throws REVIEW_INVALID for a kind that the door does not know: a rule sent us there.
 */
export function select(review: Review, scope: 'pods' | 'workloads'): Selected {
  const skipped = skip(review);
  if (skipped !== undefined) return { kind: 'skip', why: skipped };
  const path = specPath(review.groupKind);
  if (path === undefined || (scope === 'pods' && review.groupKind !== POD)) {
    throw invalid(
      `this webhook does not know the kind ${quote(review.groupKind)}; take it out of the rules of the webhook configuration`,
    );
  }
  if (review.object === undefined) throw invalid('its request has no object');
  const spec = specAt(review.object, path);
  const images = spec === undefined ? [] : imagesOf(spec);
  const pullSecrets = pullSecretsOf(spec, review.namespace, review.groupKind === POD);
  const all = { path, images, pullSecrets, mayPatch: everywhere };
  if (review.operation === 'CREATE') return { kind: 'judge', selection: all };
  const before = review.oldObject === undefined ? [] : imagesIn(review.oldObject, path);
  return { kind: 'judge', selection: changed(review, all, before) };
}

function skip({ operation, subResource, groupKind, object, oldObject }: Review): string | undefined {
  if (operation === 'DELETE' || operation === 'CONNECT') return operation.toLowerCase();
  // no other subresource can change an image: status, resize, scale, binding, eviction
  if (subResource !== '' && subResource !== EPHEMERAL) return `subresource ${quote(subResource)}`;
  // only what is stored counts: a timestamp that a user writes into a new object is dropped after admission
  if (hasDeletionTimestamp(oldObject)) return 'being deleted';
  // a static Pod runs already and refusing its mirror would only hide it; kubelet never runs what has the annotation
  if (groupKind === POD && isMirror(object)) return 'mirror pod';
  return undefined;
}

function hasDeletionTimestamp(object: JsonObject | undefined): boolean {
  const metadata = object?.['metadata'];
  return isJsonObject(metadata) && typeof metadata['deletionTimestamp'] === 'string';
}

function isMirror(object: JsonObject | undefined): boolean {
  const metadata = object?.['metadata'];
  if (!isJsonObject(metadata)) return false;
  const annotations = metadata['annotations'];
  return isJsonObject(annotations) && Object.hasOwn(annotations, MIRROR_ANNOTATION);
}

function imagesIn(object: JsonObject, path: readonly string[]): readonly PlacedImage[] {
  const spec = specAt(object, path);
  return spec === undefined ? [] : imagesOf(spec);
}

function everywhere(): boolean {
  return true;
}

function changed({ subResource }: Review, all: Selection, before: readonly PlacedImage[]): Selection {
  const known = new Set(before.map(keyOf));
  const present = new Set(before.map((image) => `${image.list}/${image.name}`));
  return {
    ...all,
    images: all.images.filter((image) => !known.has(keyOf(image)) && isInScope(image.list, subResource)),
    mayPatch: ({ list, name }) => {
      if (list === 'containers' || list === 'initContainers') return true;
      return list === 'ephemeralContainers' && !present.has(`${list}/${name}`);
    },
  };
}

function isInScope(list: ImageList, subResource: string): boolean {
  return subResource !== EPHEMERAL || list === 'ephemeralContainers';
}

function keyOf({ list, name, text }: PlacedImage): string {
  return `${list}/${name}\n${text}`;
}

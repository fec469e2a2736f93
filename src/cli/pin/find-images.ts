import { isAlias, isMap, isNode, isScalar, isSeq, type Document, type Scalar, type YAMLMap } from 'yaml';
import { quote } from '../../errors/quote.ts';
import { documentError } from './document-error.ts';
import { makeFieldOf } from './field-of.ts';
import type { ParsedSource } from './parse-documents.ts';
import { walk } from './walk.ts';

/** One image text in a file. */
export interface ImageSpot {
  readonly image: string;
  /** The scalar as written, with its quotes: [start, end) in the text. */
  readonly start: number;
  readonly end: number;
  readonly style: Scalar.Type;
  readonly line: number;
}

const CONTAINER_LISTS: ReadonlySet<unknown> = new Set([
  'containers',
  'initContainers',
  'ephemeralContainers',
]);

/**
 * The images of every list of containers and of every `volumes[].image`, in whatever kind of object, each place once and
 * in the order of the text. An alias counts at its anchor. Throws DOCUMENT_INVALID.
 */
export function findImages(source: ParsedSource): readonly ImageSpot[] {
  const spots = source.documents.flatMap((document) => {
    const nodes = imageNodes(document, source);
    return [...nodes].flatMap((node) => spotAt(node, source));
  });
  return spots.sort((a, b) => a.start - b.start);
}

function imageNodes(document: Document, source: ParsedSource): ReadonlySet<unknown> {
  const { maps, resolve } = walk(document, ({ key, offset }) => {
    throw documentError(source.file, source.lineAt(offset), `the key ${quote(key)} is there twice; keep one`);
  });
  const fieldOf = makeFieldOf(resolve, () =>
    documentError(source.file, undefined, 'it has too many aliases'),
  );
  const images = new Set<unknown>();
  const seen = new Set<unknown>();
  for (const { items } of maps) {
    for (const { key, value } of items) collect(isScalar(key) ? key.value : undefined, resolve(value));
  }
  return images;

  function collect(name: unknown, list: unknown): void {
    const isVolumes = name === 'volumes';
    if (!isSeq(list) || !(isVolumes || CONTAINER_LISTS.has(name))) return;
    if (isNew(list)) for (const item of list.items) collectItem(resolve(item), isVolumes);
  }

  function collectItem(item: unknown, isVolume: boolean): void {
    if (!isMap(item) || !isNew(item)) return;
    const image = imageOf(item, 'image');
    if (!isVolume) images.add(image);
    else if (isMap(image)) images.add(imageOf(image, 'reference'));
  }

  function imageOf(map: YAMLMap, name: string): unknown {
    const value = fieldOf(map, name);
    const node = resolve(value);
    if (!isAlias(value) || node !== undefined) return node;
    const why = `there is no anchor ${quote(value.source)} before this alias`;
    throw documentError(source.file, source.lineAt(value.range?.[0] ?? 0), why);
  }

  /** By aliases one list can be reached from many places. */
  function isNew(node: unknown): boolean {
    if (seen.has(node)) return false;
    seen.add(node);
    return true;
  }
}

function spotAt(node: unknown, { file, lineAt }: ParsedSource): readonly ImageSpot[] {
  // a container without an image: a patch, or one whose image something else fills in
  if (!isNode(node) || (isScalar(node) && node.value === null)) return [];
  const [start, end] = node.range ?? [0, 0];
  if (!isScalar(node) || typeof node.value !== 'string' || node.type === undefined) {
    throw documentError(file, lineAt(start), 'the image is not a text; render templates first');
  }
  return [{ image: node.value, start, end, style: node.type, line: lineAt(start) }];
}

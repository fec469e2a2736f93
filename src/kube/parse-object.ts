import type { KubeObject, ObjectMeta, ObjectPage, OwnerReference, WatchEvent } from './api.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the API server says of a failure: `kind: Status`. */
export interface Status {
  readonly code: number | undefined;
  readonly reason: string;
  readonly message: string;
  /** The object that it is about. */
  readonly name: string | undefined;
}

/** Why something is not what the API server should have sent; the caller says of whom. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** Throws ShapeError. */
export function parseObject(value: unknown, kinds: Partial<Pick<KubeObject, 'apiVersion' | 'kind'>> = {}) {
  const fields = fieldsOf(value, 'an object');
  // items of a list of a built-in kind leave out what the list says
  const { apiVersion = kinds.apiVersion, kind = kinds.kind } = fields;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string')
    throw new ShapeError('an object has no apiVersion and kind');
  const object: KubeObject = { ...fields, apiVersion, kind, metadata: parseMeta(fields['metadata']) };
  return object;
}

/** Throws ShapeError. */
export function parsePage(value: unknown): ObjectPage {
  const { items, metadata, apiVersion, kind } = fieldsOf(value, 'a list');
  const { resourceVersion, continue: next } = fieldsOf(metadata, 'the metadata of a list');
  if (typeof resourceVersion !== 'string') throw new ShapeError('a list has no resourceVersion');
  if (!Array.isArray(items) && items !== null) throw new ShapeError('a list has no items');
  const kinds = {
    ...(typeof apiVersion === 'string' && { apiVersion }),
    ...(typeof kind === 'string' && { kind: kind.replace(/List$/, '') }),
  };
  return {
    items: (items ?? []).map((item: unknown) => parseObject(item, kinds)),
    resourceVersion,
    ...(typeof next === 'string' && next !== '' && { continue: next }),
  };
}

/** Throws ShapeError; gives a Status for an event of type ERROR. */
export function parseWatchEvent(value: unknown): WatchEvent | Status {
  const { type, object } = fieldsOf(value, 'an event');
  if (type === 'ERROR') return parseStatus(object);
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK')
    throw new ShapeError('an event is of no known type');
  const parsed = parseObject(object);
  if (type !== 'BOOKMARK') return { type, object: parsed };
  const { resourceVersion } = parsed.metadata;
  if (resourceVersion === undefined) throw new ShapeError('a bookmark has no resourceVersion');
  return { type, resourceVersion };
}

/** Anything: what is no Status has an empty reason. */
export function parseStatus(value: unknown): Status {
  const fields = isFields(value) && value['kind'] === 'Status' ? value : {};
  const { code, reason, message, details } = fields;
  const name = isFields(details) ? details['name'] : undefined;
  return {
    code: typeof code === 'number' ? code : undefined,
    reason: typeof reason === 'string' ? reason : '',
    message: typeof message === 'string' ? message : '',
    name: typeof name === 'string' ? name : undefined,
  };
}

function parseMeta(value: unknown): ObjectMeta {
  // null, as in bookmarks of older servers, is as good as nothing
  const given = Object.entries(fieldsOf(value, 'metadata')).filter(([, each]) => each !== null);
  const fields: Fields = Object.fromEntries(given);
  const { name, labels, annotations, ownerReferences, generation } = fields;
  const texts: Partial<Record<(typeof TEXTS)[number], string>> = {};
  for (const key of TEXTS) {
    const text = fields[key];
    if (text === undefined) continue;
    if (typeof text !== 'string') throw new ShapeError(`metadata.${key} is no text`);
    texts[key] = text;
  }
  return {
    ...fields,
    // a bookmark has none
    name: typeof name === 'string' ? name : '',
    ...texts,
    ...(labels !== undefined && { labels: textsOf(labels, 'metadata.labels') }),
    ...(annotations !== undefined && { annotations: textsOf(annotations, 'metadata.annotations') }),
    ...(ownerReferences !== undefined && { ownerReferences: ownersOf(ownerReferences) }),
    ...(generation !== undefined && { generation: Number(generation) }),
  };
}

const TEXTS = ['namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'] as const;

function textsOf(value: unknown, what: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value, what)).map(([key, text]) => {
      if (typeof text !== 'string') throw new ShapeError(`${what} holds something that is no text`);
      return [key, text];
    }),
  );
}

function ownersOf(value: unknown): readonly OwnerReference[] {
  if (!Array.isArray(value)) throw new ShapeError('metadata.ownerReferences is no list');
  return value.map((item: unknown) => {
    const { apiVersion, kind, name, uid, controller } = fieldsOf(item, 'an owner reference');
    const texts = { apiVersion: text(apiVersion), kind: text(kind), name: text(name), uid: text(uid) };
    return { ...texts, ...(typeof controller === 'boolean' && { controller }) };
  });
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new ShapeError('an owner reference is not whole');
  return value;
}

function fieldsOf(value: unknown, what: string): Fields {
  if (!isFields(value)) throw new ShapeError(`${what} is no mapping`);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

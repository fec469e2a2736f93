import { StatusError } from './answers.ts';
import { asJson, stable, type Json } from './objects.ts';

/** Who has applied which field of an object, by path: server-side apply, as far as it is used. */
export type FieldOwners = Map<string, string>;

/** The paths of what an applied object sets; lists are whole. */
export function leavesOf(value: unknown, path = ''): readonly (readonly [path: string, value: unknown])[] {
  const fields = Object.entries(asJson(value));
  if (fields.length === 0) return [[path, value]];
  return fields.flatMap(([key, each]) => leavesOf(each, `${path}.${key}`));
}

/** What is applied without what names the object. */
export function appliedFields({ apiVersion: _version, kind: _kind, metadata, ...rest }: Json): Json {
  const { name: _name, namespace: _namespace, ...meta } = asJson(metadata);
  return { ...rest, ...(Object.keys(meta).length > 0 && { metadata: meta }) };
}

/** Throws 409 where another manager has set a field differently; otherwise the fields are the manager's. */
export function takeFields(
  owners: FieldOwners,
  applied: Json,
  at: { readonly manager: string; readonly force: boolean; readonly current: Json },
): void {
  const leaves = leavesOf(applied);
  const now = new Map(leavesOf(at.current));
  const lost = leaves.filter(([path, value]) => {
    const owner = owners.get(path);
    return owner !== undefined && owner !== at.manager && stable(now.get(path)) !== stable(value);
  });
  const [first] = lost;
  if (first !== undefined && !at.force) {
    const message = `Apply failed with ${lost.length} conflict: conflict with "${owners.get(first[0])}": ${first[0]}`;
    throw new StatusError(409, 'Conflict', message);
  }
  for (const [path] of leaves) owners.set(path, at.manager);
}

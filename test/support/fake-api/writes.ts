import { appliedFields, takeFields, type FieldOwners } from './apply.ts';
import { changed, notFound, StatusError } from './answers.ts';
import type { FakeKind } from './kinds.ts';
import { asJson, mergePatch, type FakeObject, type FakeObjects, type Json } from './objects.ts';

export interface WriteTarget {
  readonly kind: FakeKind;
  readonly namespace: string;
  /** Empty in a path of the whole kind. */
  readonly name: string;
  readonly subresource: string;
}

export interface PatchRequest extends WriteTarget {
  readonly body: Json;
  readonly contentType: string;
  readonly query: URLSearchParams;
}

/** Creates, replaces, patches and deletes, with the checks of the real server. Throws StatusError. */
export function makeWrites(objects: FakeObjects) {
  const owners = new Map<string, FieldOwners>();

  function existing({ kind, namespace, name }: WriteTarget): FakeObject {
    const found = objects.get(kind, namespace, name);
    if (found === undefined) throw notFound(kind, name);
    return found;
  }

  function update(target: WriteTarget, before: FakeObject, wanted: Json): FakeObject {
    const { kind, name, subresource } = target;
    const { resourceVersion } = asJson(wanted['metadata']);
    const isSame = resourceVersion === undefined || resourceVersion === before.metadata.resourceVersion;
    if (!isSame) throw changed(kind, name);
    if (!kind.statusSubresource) return objects.update(kind, before, wanted);
    const parts =
      subresource === 'status'
        ? { ...before, status: wanted['status'] }
        : { ...wanted, status: before['status'] };
    return objects.update(kind, before, parts);
  }

  return {
    create(target: WriteTarget, body: Json): FakeObject {
      const { kind, namespace } = target;
      const metadata = asJson(body['metadata']);
      const { name, resourceVersion } = metadata;
      if (typeof name !== 'string' || !/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name))
        throw invalid(kind, 'metadata.name: Invalid value');
      if (resourceVersion !== undefined && resourceVersion !== '')
        throw new StatusError(
          400,
          'BadRequest',
          'resourceVersion should not be set on objects to be created',
        );
      if (objects.get(kind, namespace, name) !== undefined)
        throw new StatusError(409, 'AlreadyExists', `"${name}" already exists`, { name });
      const { status, ...rest } = body;
      const stored = kind.statusSubresource || status === undefined ? rest : { ...rest, status };
      return objects.create(kind, namespace, { ...stored, metadata });
    },

    replace(target: WriteTarget, body: Json): FakeObject {
      const before = existing(target);
      const { resourceVersion } = asJson(body['metadata']);
      if (target.kind.custom && (resourceVersion === undefined || resourceVersion === ''))
        throw invalid(target.kind, 'metadata.resourceVersion: must be specified for an update');
      return update(target, before, body);
    },

    patch({ body, contentType, query, ...target }: PatchRequest): FakeObject {
      if (contentType === 'application/merge-patch+json') {
        const before = existing(target);
        return update(target, before, asJson(mergePatch(before, body)));
      }
      if (contentType !== 'application/apply-patch+yaml')
        throw new StatusError(415, 'UnsupportedMediaType', `the media type ${contentType} is not supported`);
      return apply(target, body, query);
    },

    remove: (target: WriteTarget): FakeObject => objects.remove(target.kind, existing(target)),
  };

  function apply(target: WriteTarget, body: Json, query: URLSearchParams): FakeObject {
    const { kind, namespace, name, subresource } = target;
    const manager = query.get('fieldManager');
    if (manager === null)
      throw new StatusError(400, 'BadRequest', 'fieldManager is required for apply patch');
    const key = `${kind.path}\n${namespace}\n${name}`;
    const before = objects.get(kind, namespace, name);
    const own =
      before === undefined ? new Map<string, string>() : (owners.get(key) ?? new Map<string, string>());
    owners.set(key, own);
    const applied = appliedFields(body);
    takeFields(own, applied, { manager, force: query.get('force') === 'true', current: before ?? {} });
    if (before !== undefined) return update(target, before, asJson(mergePatch(before, applied)));
    if (subresource !== '') throw notFound(kind, name);
    const metadata = { ...asJson(applied['metadata']), name };
    return objects.create(kind, namespace, { ...applied, metadata });
  }
}

function invalid({ kind }: FakeKind, why: string): StatusError {
  return new StatusError(422, 'Invalid', `${kind} is invalid: ${why}`);
}

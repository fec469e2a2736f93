import { quote } from '../errors/quote.ts';
import type { ListOptions, Resource } from './api.ts';

/** Path of a resource, of one object, or of its subresource; every part is percent-encoded. */
export function pathOf(resource: Resource, name?: string, subresource?: string): string {
  const { group, version, plural, namespace } = resource;
  const parts = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

export function selectors({ labelSelector, fieldSelector }: ListOptions): Readonly<Record<string, string>> {
  return {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}

/** For messages: `tagrecords "t-…" in the namespace "tagseal"`. */
export function describe({ plural, namespace }: Resource, name?: string): string {
  const one = name === undefined ? '' : ` ${quote(name)}`;
  return `${plural}${one}${namespace === undefined ? '' : ` in the namespace ${quote(namespace)}`}`;
}

import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { StateStore } from '../protocol/ports.ts';
import { checkStateDocument, checkStateName, MAX_STATE_BYTES } from '../protocol/state-document.ts';
import type { KubeApi, KubeObject } from './api.ts';
import { configMapsIn } from './resources.ts';
import { asStore } from './store-error.ts';

const KEY = 'document';
const VERSION = /^[1-9]\d{0,19}$/;
/** A name of Kubernetes: labels between single dots (RFC 1123). */
const PLAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

export interface StateStoreParts {
  readonly api: KubeApi;
  readonly namespace: string;
  /** Begins the names of the ConfigMaps. */
  readonly name: string;
}

/** Documents as ConfigMaps `<name>-state-<document>`. */
export function makeStateStore({ api, namespace, name: prefix }: StateStoreParts): StateStore {
  const maps = configMapsIn(namespace);
  // a document whose name is no name of Kubernetes gets its hex digits, behind a dot that no other has there
  const nameOf = (name: string) =>
    PLAIN.test(name) ? `${prefix}-state-${name}` : `${prefix}-state.${Buffer.from(name).toString('hex')}`;

  return {
    async read(name, signal) {
      checkStateName(name);
      const found = await asStore(api.get(maps, nameOf(name), signal));
      if (found === undefined) return undefined;
      const text = textOf(found);
      if (text !== undefined && Buffer.byteLength(text) <= MAX_STATE_BYTES)
        return { text, version: found.metadata.resourceVersion ?? '' };
      throw new AppError({
        code: 'STORE_UNAVAILABLE',
        message: `the ConfigMap ${quote(nameOf(name))} cannot be used: it holds no document of at most ${MAX_STATE_BYTES} bytes; delete it`,
      });
    },

    async write(name, { text, version }, signal) {
      checkStateDocument(name, text);
      const data = { [KEY]: text };
      if (version === undefined) {
        const metadata = {
          name: nameOf(name),
          namespace,
          labels: { 'app.kubernetes.io/managed-by': 'tagseal' },
        };
        const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
        return (await asStore(api.create(maps, object, signal))) === 'exists' ? 'conflict' : 'written';
      }
      // without a version, or with 0, the API server would compare nothing
      if (!VERSION.test(version)) return 'conflict';
      const patch = { metadata: { resourceVersion: version }, data };
      const outcome = await asStore(api.mergePatch(maps, nameOf(name), patch, signal));
      return outcome === undefined || outcome === 'conflict' ? 'conflict' : 'written';
    },
  };
}

function textOf(map: KubeObject): string | undefined {
  const data = map['data'];
  if (typeof data !== 'object' || data === null || !(KEY in data)) return undefined;
  return typeof data[KEY] === 'string' ? data[KEY] : undefined;
}

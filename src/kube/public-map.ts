import type { KubeApi, KubeObject, Resource } from './api.ts';
import { fieldsOf } from './fields.ts';
import { configMapsIn } from './resources.ts';

/** Finds the public ConfigMaps of all installations. */
export const PUBLIC_LABEL = 'tagseal.dev/public';
const FIELD_MANAGER = 'tagseal-controller';

export interface MapPlace {
  readonly namespace: string;
  /** Of the ConfigMap. */
  readonly name: string;
}

/** A ConfigMap of texts. */
export interface PublicMap extends MapPlace {
  readonly data: Readonly<Record<string, string>>;
}

/** The name of the ConfigMap in which the installation of that name tells what everybody may know of it. */
export function publicMapName(installation: string): string {
  return `${installation}-public`;
}

/** Makes the ConfigMap say so; writes nothing where it does. Throws KUBERNETES_*. */
export async function writePublicMap(
  api: Pick<KubeApi, 'get' | 'apply'>,
  { namespace, name, data }: PublicMap,
  signal: AbortSignal,
): Promise<void> {
  const maps = configMapsIn(namespace);
  const found = await api.get(maps, name, signal);
  if (found !== undefined && isSame(found, data)) return;
  const labels = { 'app.kubernetes.io/managed-by': 'tagseal', [PUBLIC_LABEL]: 'true' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data };
  await api.apply(maps, object, { fieldManager: FIELD_MANAGER, force: true }, signal);
}

/** Undefined where there is none. Throws KUBERNETES_*. */
export async function readPublicMap(
  api: Pick<KubeApi, 'get'>,
  { namespace, name }: MapPlace,
  signal: AbortSignal,
): Promise<PublicMap | undefined> {
  const found = await api.get(configMapsIn(namespace), name, signal);
  return found && publicMap(found);
}

/** All that the asker may see: of one namespace, or of the whole cluster. Throws KUBERNETES_*. */
export async function listPublicMaps(
  api: Pick<KubeApi, 'listPage'>,
  resource: Resource,
  signal: AbortSignal,
): Promise<readonly PublicMap[]> {
  const options = { labelSelector: `${PUBLIC_LABEL}=true`, limit: 0 };
  const page = await api.listPage(resource, options, signal);
  return page === 'expired' ? [] : page.items.map(publicMap);
}

function publicMap(object: KubeObject): PublicMap {
  const { name, namespace = '' } = object.metadata;
  return { name, namespace, data: textsIn(object) };
}

function isSame(object: KubeObject, data: PublicMap['data']): boolean {
  const found = textsIn(object);
  const isMarked = object.metadata.labels?.[PUBLIC_LABEL] === 'true';
  return isMarked && Object.keys(data).every((key) => found[key] === data[key]);
}

function textsIn(object: KubeObject): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(object['data']));
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])),
  );
}

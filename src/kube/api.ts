/** What names a kind of resource in a path of the API. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `pods` */
  readonly plural: string;
  /** Absent: cluster scoped, or of all namespaces. */
  readonly namespace?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Opaque; absent in what is to be created. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** Any object, as the API server gave it: its metadata's shape is checked, nothing else. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Ask for `PartialObjectMetadata` only. */
  readonly metadataOnly?: boolean;
}

export interface ObjectPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue?: string;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * The Kubernetes API as far as Tagseal needs it, every call bounded in time and size. Throws KUBERNETES_UNAVAILABLE
 * (unreachable, 5xx, 429, a deadline of its own) and KUBERNETES_REFUSED (4xx: forbidden, invalid; the server's message in it).
 */
export interface KubeApi {
  get(resource: Resource, name: string, signal: AbortSignal): Promise<KubeObject | undefined>;
  listPage(
    resource: Resource,
    options: ListOptions & { readonly limit: number; readonly continue?: string },
    signal: AbortSignal,
  ): Promise<ObjectPage | 'expired'>;
  /** `exists` (409 AlreadyExists) leaves what is there alone. */
  create(resource: Resource, object: KubeObject, signal: AbortSignal): Promise<KubeObject | 'exists'>;
  /** PUT with the object's resourceVersion; `conflict` also where it is gone. */
  replace(resource: Resource, object: KubeObject, signal: AbortSignal): Promise<KubeObject | 'conflict'>;
  /** Server-side apply. */
  apply(
    resource: Resource,
    object: KubeObject,
    options: { readonly fieldManager: string; readonly force: boolean; readonly subresource?: 'status' },
    signal: AbortSignal,
  ): Promise<KubeObject | 'conflict'>;
  /** JSON merge patch (RFC 7386); undefined where there is no such object. */
  mergePatch(
    resource: Resource,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    subresource?: 'status',
  ): Promise<KubeObject | 'conflict' | undefined>;
  /** False where there was no such object. */
  remove(resource: Resource, name: string, signal: AbortSignal): Promise<boolean>;
  /** Ends when the server ends it, and with `expired` when the version is too old (410). */
  watch(
    resource: Resource,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent, 'ended' | 'expired'>;
}

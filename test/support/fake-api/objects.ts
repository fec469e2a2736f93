import type { FakeKind } from './kinds.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface FakeMeta extends Json {
  readonly name: string;
  readonly namespace?: string;
  readonly resourceVersion: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface FakeObject extends Json {
  readonly metadata: FakeMeta;
}

export interface FakeEvent {
  readonly version: number;
  readonly kind: FakeKind;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: FakeObject;
  /** As it was, for watches whose selector it leaves. */
  readonly before: FakeObject | undefined;
}

/** Objects of all kinds with one version for all, as etcd keeps them, and what happened to them. */
export function makeFakeObjects() {
  const objects = new Map<string, FakeObject>();
  const listeners = new Set<(event: FakeEvent) => void>();
  let history: FakeEvent[] = [];
  let version = 1_000;
  let compactedAt = version;
  let uids = 0;

  const keyOf = (kind: FakeKind, namespace: string, name: string) => `${kind.path}\n${namespace}\n${name}`;

  function happened(kind: FakeKind, type: FakeEvent['type'], object: FakeObject, before?: FakeObject): void {
    const event = { version, kind, type, object, before };
    history.push(event);
    for (const listener of [...listeners]) listener(event);
  }

  return {
    version: () => version,
    /** Forgets what happened so far, so that watches from before it are told 410. */
    compact(): void {
      version += 1;
      compactedAt = version;
      history = [];
    },
    /** What happened after a version; undefined where that is forgotten. */
    since(from: number): readonly FakeEvent[] | undefined {
      return from < compactedAt ? undefined : history.filter((event) => event.version > from);
    },
    listen(listener: (event: FakeEvent) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get: (kind: FakeKind, namespace: string, name: string) => objects.get(keyOf(kind, namespace, name)),
    /** In the order of their keys, as etcd gives them. */
    list(kind: FakeKind, namespace: string): readonly FakeObject[] {
      const prefix = namespace === '' ? `${kind.path}\n` : `${kind.path}\n${namespace}\n`;
      const found = [...objects].filter(([key]) => key.startsWith(prefix));
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    },
    create(kind: FakeKind, namespace: string, object: Json & { metadata: Json }): FakeObject {
      const { name } = object.metadata;
      version += 1;
      const created: FakeObject = {
        ...object,
        metadata: {
          ...object.metadata,
          name: String(name),
          ...(namespace !== '' && { namespace }),
          uid: `00000000-0000-4000-8000-${String(++uids).padStart(12, '0')}`,
          resourceVersion: String(version),
          generation: 1,
          creationTimestamp: '2026-11-02T10:00:00Z',
        },
      };
      objects.set(keyOf(kind, namespace, String(name)), created);
      happened(kind, 'ADDED', created);
      return created;
    },
    /** Keeps what the server alone writes; what changes nothing makes no new version. */
    update(kind: FakeKind, before: FakeObject, wanted: Json): FakeObject {
      const { uid, creationTimestamp, namespace, name, generation } = before.metadata;
      const meta = asJson(wanted['metadata']);
      const kept = {
        uid,
        creationTimestamp,
        name,
        generation,
        ...(namespace !== undefined && { namespace }),
      };
      const same = {
        ...wanted,
        metadata: { ...meta, ...kept, resourceVersion: before.metadata.resourceVersion },
      };
      if (stable(same) === stable(before)) return before;
      version += 1;
      const updated: FakeObject = {
        ...same,
        metadata: { ...same.metadata, resourceVersion: String(version) },
      };
      objects.set(keyOf(kind, namespace ?? '', name), updated);
      happened(kind, 'MODIFIED', updated, before);
      return updated;
    },
    remove(kind: FakeKind, before: FakeObject): FakeObject {
      version += 1;
      const { namespace, name } = before.metadata;
      objects.delete(keyOf(kind, namespace ?? '', name));
      const gone = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
      happened(kind, 'DELETED', gone, before);
      return gone;
    },
  };
}

export type FakeObjects = ReturnType<typeof makeFakeObjects>;

export function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** JSON merge patch (RFC 7386). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged = new Map<string, unknown>(Object.entries(asJson(target)));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** JSON with its keys in order. */
export function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (value === undefined) return 'nothing';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${key}:${stable(each)}`).join(',')}}`;
}

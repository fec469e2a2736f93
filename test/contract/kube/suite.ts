import { describe, expect, it } from '@jest/globals';
import type { KubeApi, KubeObject, WatchEvent } from '../../../src/kube/api.ts';
import { configMapsIn, eventsIn, NAMESPACES, TAG_RECORDS } from '../../../src/kube/resources.ts';
import { codeOf } from '../../support/throw-with-code.ts';

export interface ApiUnderTest extends AsyncDisposable {
  readonly api: KubeApi;
  /** Of nobody else. */
  readonly namespace: string;
  /** Makes the server forget what happened before this version. */
  readonly forget: (resourceVersion: string) => Promise<void>;
}

const { signal } = new AbortController();

/** What the port promises of any API server, and the fake with it. */
export function kubeApiContract(kind: string, open: () => Promise<ApiUnderTest>): void {
  const mapOf = (namespace: string, name: string, data: Record<string, string> = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { app: data['app'] ?? 'none' } },
    data,
  });

  async function opened() {
    const under = await open();
    const maps = configMapsIn(under.namespace);
    const create = async (name: string, data?: Record<string, string>): Promise<KubeObject> => {
      const made = await under.api.create(maps, mapOf(under.namespace, name, data), signal);
      if (made === 'exists') throw new Error(`${name} is there already`);
      return made;
    };
    return { ...under, maps, create };
  }

  describe(`the API contract: ${kind}`, () => {
    it('gives what was created, with what the server adds', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const made = await create('a', { k: 'é\n' });
      expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { k: 'é\n' } });
      expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(await api.get(maps, 'a', signal)).toEqual(made);
    });

    it('tells an object that is not there from a kind that is not there', async () => {
      await using under = await opened();
      const { api, maps } = under;
      expect(await api.get(maps, 'none', signal)).toBeUndefined();
      const unknown = { ...TAG_RECORDS, plural: 'nosuchthings' };
      expect(await codeOf(() => api.get(unknown, 'none', signal))).toBe('KUBERNETES_REFUSED');
      expect(await codeOf(() => api.listPage(unknown, { limit: 1 }, signal))).toBe('KUBERNETES_REFUSED');
      expect(await codeOf(() => api.remove({ ...unknown, group: 'no.such' }, 'x', signal))).toBe(
        'KUBERNETES_REFUSED',
      );
    });

    it('lets one of many creators win, and leaves what is there alone', async () => {
      await using under = await opened();
      const { api, maps, namespace } = under;
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          api.create(maps, mapOf(namespace, 'one', { i: String(i) }), signal),
        ),
      );
      const [winner, ...others] = all.filter((outcome) => outcome !== 'exists');
      expect(others).toEqual([]);
      expect(await api.get(maps, 'one', signal)).toEqual(winner);
    });

    it('replaces the version that it was given and no other', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a', { n: '1' });
      const second = await api.replace(maps, { ...first, data: { n: '2' } }, signal);
      expect(second).toMatchObject({ data: { n: '2' } });
      expect(await api.replace(maps, { ...first, data: { n: '3' } }, signal)).toBe('conflict');
      expect(await api.get(maps, 'a', signal)).toEqual(second);
    });

    it('makes no new version of what has not changed', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a', { n: '1' });
      expect(await api.replace(maps, first, signal)).toMatchObject({
        metadata: { resourceVersion: first.metadata.resourceVersion },
      });
    });

    it('replaces nothing that is gone', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a');
      expect(await api.remove(maps, 'a', signal)).toBe(true);
      expect(await api.replace(maps, first, signal)).toBe('conflict');
      expect(await api.remove(maps, 'a', signal)).toBe(false);
      expect(await api.get(maps, 'a', signal)).toBeUndefined();
    });

    it('merges a patch: changes, adds and removes fields', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      await create('a', { keep: '1', change: '1', drop: '1' });
      const patched = await api.mergePatch(
        maps,
        'a',
        { data: { change: '2', add: '2', drop: null } },
        signal,
      );
      expect(patched).toMatchObject({ data: { keep: '1', change: '2', add: '2' } });
      expect(patched).not.toMatchObject({ data: { drop: expect.anything() } });
      expect(await api.mergePatch(maps, 'none', { data: {} }, signal)).toBeUndefined();
    });

    it('merges a patch only into the version that it names', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const { metadata } = await create('a', { n: '1' });
      const patch = (n: string) => ({ metadata: { resourceVersion: metadata.resourceVersion }, data: { n } });
      expect(await api.mergePatch(maps, 'a', patch('2'), signal)).toMatchObject({ data: { n: '2' } });
      expect(await api.mergePatch(maps, 'a', patch('3'), signal)).toBe('conflict');
    });

    it('applies: makes the object, changes its own fields, and yields to another owner', async () => {
      await using under = await opened();
      const { api, maps, namespace } = under;
      const apply = (fieldManager: string, data: Record<string, string>, force = false) => {
        const { labels: _, ...metadata } = mapOf(namespace, 'a').metadata;
        return api.apply(maps, { ...mapOf(namespace, 'a', data), metadata }, { fieldManager, force }, signal);
      };
      expect(await apply('one', { k: '1' })).toMatchObject({ data: { k: '1' } });
      expect(await apply('one', { k: '2' })).toMatchObject({ data: { k: '2' } });
      expect(await apply('two', { other: '1' })).toMatchObject({ data: { k: '2', other: '1' } });
      expect(await apply('two', { other: '1', k: '3' })).toBe('conflict');
      expect(await apply('two', { other: '1', k: '3' }, true)).toMatchObject({ data: { k: '3' } });
    });

    it('lists in pages: each object once, with its kind', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
      for (const name of names) await create(name, { app: 'paged' });
      const found: KubeObject[] = [];
      for (let next: string | undefined = '', pages = 1; next !== undefined; pages += 1) {
        const more = next === '' ? {} : { continue: next };
        const page = await api.listPage(maps, { limit: 3, labelSelector: 'app=paged', ...more }, signal);
        if (page === 'expired') throw new Error('expired');
        expect(page.items.length).toBe(pages < 3 ? 3 : 1);
        found.push(...page.items);
        next = page.continue;
      }
      expect(found.map(({ metadata: { name } }) => name)).toEqual(names);
      expect(new Set(found.map((item) => `${item.apiVersion} ${item.kind}`))).toEqual(
        new Set(['v1 ConfigMap']),
      );
    });

    it('lists everything at once where no limit is given', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      for (const name of ['a', 'b', 'c']) await create(name, { app: 'all' });
      const page = await api.listPage(maps, { limit: 0, labelSelector: 'app=all' }, signal);
      expect(page).not.toHaveProperty('continue');
      expect(page).toMatchObject({ items: [{}, {}, {}] });
    });

    it('lists no more than is selected, and metadata alone where that is asked for', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      await create('a', { app: 'x' });
      await create('b', { app: 'y' });
      const listed = (options: object) => api.listPage(maps, { limit: 10, ...options }, signal);
      expect(await listed({ labelSelector: 'app=x' })).toMatchObject({
        items: [{ metadata: { name: 'a' } }],
      });
      expect(await listed({ fieldSelector: 'metadata.name=b' })).toMatchObject({
        items: [{ metadata: { name: 'b' }, data: { app: 'y' } }],
      });
      const bare = await listed({ labelSelector: 'app=x', metadataOnly: true });
      expect(bare).toMatchObject({ items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'a' } }] });
      expect(bare).not.toMatchObject({ items: [{ data: expect.anything() }] });
      expect(await codeOf(() => listed({ fieldSelector: 'data.no=1' }))).toBe('KUBERNETES_REFUSED');
    });

    it('gives 410 for a page of a list that is too old', async () => {
      await using under = await opened();
      const { api, namespace } = under;
      const { metadata } = await under.create('a');
      await under.forget(metadata.resourceVersion ?? '');
      // what the real server writes into a token; of events it keeps no cache
      const token = Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"a\\u0000"}').toString('base64url');
      const page = await api.listPage(eventsIn(namespace), { limit: 1, continue: token }, signal);
      expect(page).toBe('expired');
    });

    it('reaches what is cluster scoped', async () => {
      await using under = await opened();
      const { api, namespace } = under;
      const name = `${namespace}-other`;
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      expect(await api.create(NAMESPACES, object, signal)).toMatchObject({ kind: 'Namespace' });
      expect(await api.create(NAMESPACES, object, signal)).toBe('exists');
      expect(await api.get(NAMESPACES, name, signal)).toMatchObject({ metadata: { name } });
    });

    it('refuses what the server refuses, with its words', async () => {
      await using under = await opened();
      const { api, maps, namespace } = under;
      const bad = mapOf(namespace, 'Not A Name');
      const error = await api.create(maps, bad, signal).then(undefined, (thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'KUBERNETES_REFUSED',
        message: expect.stringContaining('metadata.name'),
      });
      expect(await codeOf(() => api.create(maps, { ...bad, metadata: { name: '' } }, signal))).toBe(
        'KUBERNETES_REFUSED',
      );
    });

    it('watches: tells what comes after a version, in order, and no other kind', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a', { n: '1' });
      await create('b');
      await using watching = startWatching(api, { maps, from: first.metadata.resourceVersion ?? '' });
      await api.replace(maps, { ...first, data: { n: '2' } }, signal);
      await api.remove(maps, 'a', signal);
      const told = await watching.take(3);
      expect(told.map((event) => `${event.type} ${nameIn(event)}`)).toEqual([
        'ADDED b',
        'MODIFIED a',
        'DELETED a',
      ]);
      const versions = told.map((event) =>
        Number('object' in event && event.object.metadata.resourceVersion),
      );
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    });

    it('watches a selection: an object that leaves it is deleted for the watch', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a', { app: 'in' });
      const from = first.metadata.resourceVersion ?? '';
      await using watching = startWatching(api, { maps, from, labelSelector: 'app=in' });
      await create('b', { app: 'out' });
      await api.mergePatch(maps, 'a', { metadata: { labels: { app: 'out' } } }, signal);
      await api.mergePatch(maps, 'b', { metadata: { labels: { app: 'in' } } }, signal);
      const told = await watching.take(2);
      expect(told.map((event) => `${event.type} ${nameIn(event)}`)).toEqual(['DELETED a', 'ADDED b']);
    });

    it('watches metadata alone where that is asked for', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const first = await create('a');
      const from = first.metadata.resourceVersion ?? '';
      await using watching = startWatching(api, { maps, from, metadataOnly: true });
      await create('b', { n: '1' });
      const [event] = await watching.take(1);
      expect(event).toMatchObject({ object: { kind: 'PartialObjectMetadata', metadata: { name: 'b' } } });
      expect(event).not.toMatchObject({ object: { data: expect.anything() } });
    });

    it('ends a watch from a version that is forgotten', async () => {
      await using under = await opened();
      const { api, namespace } = under;
      const { metadata } = await under.create('a');
      await under.forget(metadata.resourceVersion ?? '');
      // of events the real server keeps no cache
      const watch = api.watch(eventsIn(namespace), { resourceVersion: '1' }, signal);
      expect(await watch.next()).toEqual({ done: true, value: 'expired' });
    });

    it('ends a watch, and a call, whose asker has gone', async () => {
      await using under = await opened();
      const { api, maps, create } = under;
      const gone = new AbortController();
      const { metadata } = await create('a');
      const watch = api.watch(maps, { resourceVersion: metadata.resourceVersion ?? '' }, gone.signal);
      const next = codeOf(() => watch.next());
      gone.abort();
      expect(await next).toBe('DEADLINE_EXCEEDED');
      expect(await codeOf(() => api.get(maps, 'a', gone.signal))).toBe('DEADLINE_EXCEEDED');
    });
  });
}

function nameIn(event: WatchEvent): string {
  return 'object' in event ? event.object.metadata.name : '';
}

interface WatchWish {
  readonly maps: ReturnType<typeof configMapsIn>;
  readonly from: string;
  readonly labelSelector?: string;
  readonly metadataOnly?: boolean;
}

/** A watch that passes over bookmarks, which come when the server likes. */
function startWatching(api: KubeApi, { maps, from, ...options }: WatchWish) {
  const life = new AbortController();
  const events = api.watch(maps, { ...options, resourceVersion: from }, life.signal);
  return {
    async take(count: number): Promise<readonly WatchEvent[]> {
      const told: WatchEvent[] = [];
      while (told.length < count) {
        const next = await events.next();
        if (next.done === true) throw new Error(`the watch has ${next.value}`);
        if (next.value.type !== 'BOOKMARK') told.push(next.value);
      }
      return told;
    },
    async [Symbol.asyncDispose]() {
      life.abort();
      await events.return('ended');
    },
  };
}

import { describe, expect, it } from '@jest/globals';
import { makeListWatch } from '../../../src/kube/list-watch.ts';
import { configMapsIn } from '../../../src/kube/resources.ts';
import { makeWatchCache } from '../../../src/kube/watch-cache.ts';
import { shortPause, startFakeCluster, type FakeCluster } from '../../support/kube-client.ts';
import { SILENT } from '../../support/test-log.ts';

const { signal } = new AbortController();
const maps = configMapsIn('test');

function mapOf(name: string, n = '1', labels = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'test', labels }, data: { n } };
}

const put = (cluster: FakeCluster, name: string, n?: string) =>
  cluster.api
    .create(maps, mapOf(name, n), signal)
    .then((made) => (made === 'exists' ? cluster.api.mergePatch(maps, name, { data: { n } }, signal) : made));

/** Follows, and remembers what was told. */
function follow(
  { api }: Pick<FakeCluster, 'api'>,
  { onTold = () => undefined }: { onTold?: (what: string) => void } = {},
) {
  const life = new AbortController();
  const told: string[] = [];
  const cached = new Map<string, string>();
  const warned: string[] = [];
  let wake: () => void = () => undefined;
  const tell = (what: string) => {
    told.push(what);
    wake();
    onTold(what);
  };
  const { run, synced } = makeListWatch<string>({
    api,
    resource: maps,
    transform: ({ data, metadata }) =>
      metadata.name.startsWith('skip') ? undefined : JSON.stringify(data).replaceAll(/\D/g, ''),
    logger: { ...SILENT, warn: (event) => warned.push(event), error: (event) => warned.push(event) },
    random: () => 0,
    pause: shortPause,
    onReplace(all) {
      cached.clear();
      for (const [key, item] of all) cached.set(key, item);
      tell(`replace ${[...all.keys()].toSorted().join(' ')}`);
    },
    onUpsert(key, item) {
      cached.set(key, item);
      tell(`upsert ${key} ${item}`);
    },
    onDelete(key) {
      cached.delete(key);
      tell(`delete ${key}`);
    },
  });
  const done = run(life.signal);
  return {
    told,
    warned,
    cached,
    synced,
    /** Resolves when it was told; hangs, and fails the test, otherwise. */
    async until(what: string): Promise<void> {
      while (!told.includes(what)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      life.abort();
      await done;
    },
  };
}

describe('list and watch', () => {
  it('tells all that there is, over several pages, and then each change', async () => {
    await using cluster = await startFakeCluster();
    for (let i = 0; i < 1_203; i += 1) cluster.server.objects.create(kindOf(cluster), 'test', mapOf(`m${i}`));
    await using following = follow(cluster);
    await following.synced;
    expect(following.cached.size).toBe(1_203);
    expect(cluster.server.seen.filter((request) => request.includes('limit=500'))).toHaveLength(3);
    await put(cluster, 'new', '1');
    await put(cluster, 'new', '2');
    await cluster.api.remove(maps, 'new', signal);
    await following.until('delete test/new');
    expect(following.told.slice(1)).toEqual(['upsert test/new 1', 'upsert test/new 2', 'delete test/new']);
  });

  it('leaves out what the transform leaves out, and drops what it leaves out later', async () => {
    await using cluster = await startFakeCluster();
    await put(cluster, 'skip');
    await put(cluster, 'keep');
    await using following = follow(cluster);
    await following.until('replace test/keep');
    await put(cluster, 'skip-2');
    await following.until('delete test/skip-2');
  });

  it('watches on from the last bookmark when the server ends the watch', async () => {
    await using cluster = await startFakeCluster();
    await put(cluster, 'a');
    await using following = follow(cluster);
    await watching(cluster);
    await cluster.api.create(configMapsIn('elsewhere'), mapOf('b'), signal);
    cluster.server.watches.bookmark();
    cluster.server.watches.end();
    const version = cluster.server.objects.version();
    await watching(cluster, 2);
    expect(cluster.server.seen.at(-1)).toContain(`resourceVersion=${version}`);
    await put(cluster, 'c');
    await following.until('upsert test/c 1');
    expect(following.told.filter((what) => what.startsWith('replace'))).toHaveLength(1);
  });

  it('lists again after a 410, and tells what went away meanwhile by leaving it out', async () => {
    await using cluster = await startFakeCluster();
    await put(cluster, 'a');
    await put(cluster, 'b');
    await using following = follow(cluster);
    await watching(cluster);
    cluster.server.trouble = () => (_, answer) => answer.writeHead(503).end();
    cluster.server.watches.break();
    cluster.server.objects.remove(kindOf(cluster), must(cluster, 'a'));
    cluster.server.objects.compact();
    cluster.server.trouble = undefined;
    await following.until('replace test/b');
  });

  it('begins a list again whose pages expire', async () => {
    await using cluster = await startFakeCluster();
    for (let i = 0; i < 501; i += 1) cluster.server.objects.create(kindOf(cluster), 'test', mapOf(`m${i}`));
    let expired = 0;
    cluster.server.trouble = ({ url = '' }) => {
      if (url.includes('continue=') && expired++ === 0) cluster.server.expireLists();
      return undefined;
    };
    await using following = follow(cluster);
    await following.synced;
    expect(following.cached.size).toBe(501);
  });

  it.each(['refused', '500', 'broken'])(
    'waits for the end of an outage (%s), and misses nothing',
    async (how) => {
      await using cluster = await startFakeCluster();
      const { promise: isOut, resolve } = Promise.withResolvers<undefined>();
      let requests = 0;
      cluster.server.trouble = () => {
        requests += 1;
        if (requests > 5) resolve(undefined);
        if (how === 'broken') return (request) => request.socket.destroy();
        return (_, answer) => answer.writeHead(how === '500' ? 500 : 403).end();
      };
      await using following = follow(cluster);
      await isOut;
      cluster.server.trouble = undefined;
      await put(cluster, 'a');
      await following.synced;
      expect(following.warned).toContain('background.failed');
      if (!following.cached.has('test/a')) await following.until('upsert test/a 1');
    },
  );

  it('goes on after a handler that throws, and logs it', async () => {
    await using cluster = await startFakeCluster();
    await using following = follow(cluster, {
      onTold(what) {
        if (what.startsWith('replace') || what.includes('bad')) throw new Error('a bug');
      },
    });
    await following.synced;
    await put(cluster, 'bad');
    await put(cluster, 'good');
    await following.until('upsert test/good 1');
    expect(following.warned).toEqual(['kube.handlerFailed', 'kube.handlerFailed']);
  });
});

describe('a cache of what is in the cluster', () => {
  it('holds what was made of each object, and nothing that is gone', async () => {
    await using cluster = await startFakeCluster();
    await put(cluster, 'a', '1');
    const life = new AbortController();
    const { promise: emptied, resolve } = Promise.withResolvers<undefined>();
    const cache = makeWatchCache({
      api: cluster.api,
      resource: maps,
      transform: ({ metadata }) => ({ name: metadata.name }),
      logger: SILENT,
      random: () => 0,
      onChange() {
        if ([...cache.values()].length === 0) resolve(undefined);
      },
    });
    expect(cache.get('test/a')).toBeUndefined();
    const done = cache.run(life.signal);
    await cache.synced;
    expect(cache.get('test/a')).toEqual({ name: 'a' });
    await cluster.api.remove(maps, 'a', signal);
    await emptied;
    life.abort();
    await done;
  });
});

function kindOf({ server }: FakeCluster) {
  return server.kindOf('api/v1/configmaps');
}

function must(cluster: FakeCluster, name: string) {
  const found = cluster.server.objects.get(kindOf(cluster), 'test', name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** Resolves once this many watches have been asked for. */
async function watching({ server }: FakeCluster, times = 1): Promise<void> {
  const asked = () => server.seen.filter((request) => request.includes('watch=true')).length;
  while (asked() < times || server.watches.count() === 0)
    await new Promise((resolve) => setImmediate(resolve));
}

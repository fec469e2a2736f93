import { describe, expect, it } from '@jest/globals';
import type { KubeApi } from '../../../src/kube/api.ts';
import { makeKubeApi } from '../../../src/kube/client.ts';
import { configMapsIn } from '../../../src/kube/resources.ts';
import { shortPause, startFakeCluster } from '../../support/kube-client.ts';
import { BAD_LISTENERS } from '../../support/loopback-server.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const maps = configMapsIn('test');
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'test' } };
const status = (code: number) =>
  JSON.stringify({ kind: 'Status', code, reason: 'Busy', message: `said\u202e ${'x'.repeat(500)}` });

/** A cluster that answers the first calls with these statuses. */
async function startTroubled(...codes: readonly number[]) {
  const cluster = await startFakeCluster();
  await cluster.api.create(maps, object, signal);
  cluster.server.seen.length = 0;
  const left = [...codes];
  cluster.server.trouble = () => {
    const code = left.shift();
    if (code === undefined) return undefined;
    return code === 0
      ? (request) => request.socket.destroy()
      : (_, answer) => answer.writeHead(code).end(status(code));
  };
  return cluster;
}

const CALLS: Readonly<Record<string, (api: KubeApi) => Promise<unknown>>> = {
  get: (api) => api.get(maps, 'a', signal),
  listPage: (api) => api.listPage(maps, { limit: 5 }, signal),
  create: (api) => api.create(maps, object, signal),
  mergePatch: (api) => api.mergePatch(maps, 'a', {}, signal),
  remove: (api) => api.remove(maps, 'a', signal),
};

describe('a call that meets trouble', () => {
  it.each([
    ...[500, 503, 0].flatMap((code) =>
      ['get', 'listPage', 'mergePatch', 'remove'].map((name) => ({
        name,
        codes: [code, code],
        tries: 3,
        code: undefined,
      })),
    ),
    { name: 'create', codes: [429], tries: 2, code: undefined },
    { name: 'get', codes: [429, 429, 429, 429], tries: 4, code: 'KUBERNETES_UNAVAILABLE' },
    { name: 'create', codes: [503], tries: 1, code: 'KUBERNETES_UNAVAILABLE' },
    { name: 'create', codes: [0], tries: 1, code: 'KUBERNETES_UNAVAILABLE' },
    { name: 'get', codes: [403], tries: 1, code: 'KUBERNETES_REFUSED' },
    { name: 'get', codes: [404], tries: 1, code: 'KUBERNETES_REFUSED' },
    { name: 'mergePatch', codes: [422], tries: 1, code: 'KUBERNETES_REFUSED' },
    { name: 'create', codes: [409], tries: 1, code: 'KUBERNETES_REFUSED' },
    { name: 'get', codes: [401, 401], tries: 2, code: 'KUBERNETES_REFUSED' },
    { name: 'get', codes: [401], tries: 2, code: undefined },
  ])(
    '$name that meets $codes is tried $tries times, and ends with $code',
    async ({ name, codes, tries, code }) => {
      await using cluster = await startTroubled(...codes);
      expect(await codeOf(() => CALLS[name]?.(cluster.api))).toBe(code);
      expect(cluster.server.seen).toHaveLength(tries);
    },
  );

  it('carries the credentials that it was given anew', async () => {
    await using cluster = await startTroubled(401);
    await cluster.api.get(maps, 'a', signal);
    expect(cluster.connection.renewals()).toBe(1);
    expect(cluster.server.headers().authorization).toBe('Bearer token-1');
  });

  it('tells the words of the server, cut and without what a terminal would obey', async () => {
    await using cluster = await startTroubled(403);
    const error = await cluster.api.get(maps, 'a', signal).then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^cannot get configmaps "a" in the namespace "test" at "http:.*": the server said "said\\u202e x{100,200}…" \(403 Busy\); grant it/,
      ),
    });
  });

  it('waits itself for a short Retry-After, and tells its asker of a long one', async () => {
    await using cluster = await startTroubled();
    cluster.server.trouble = () => (_, answer) => answer.writeHead(503, { 'retry-after': '30' }).end();
    const error = await cluster.api.get(maps, 'a', signal).then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'KUBERNETES_UNAVAILABLE', retryAfterSeconds: 30 });
    expect(cluster.server.seen).toHaveLength(1);
  });
});

describe('a server that means no good', () => {
  it.each(
    Object.keys(BAD_LISTENERS).flatMap((what) =>
      ['get', 'listPage', 'create'].map((name) => [what, name] as const),
    ),
  )('with %s fails %s and does not keep it', async (what, name) => {
    await using cluster = await startTroubled();
    const api = makeKubeApi({
      connection: cluster.connection,
      random: () => 0,
      timeLimitMs: 100,
      pause: shortPause,
    });
    cluster.server.trouble = () => BAD_LISTENERS[what];
    expect(await codeOf(() => CALLS[name]?.(api))).toMatch(/^KUBERNETES_(UNAVAILABLE|REFUSED)$/);
  });

  it.each([
    ['is longer than 4 MiB', `${'x'.repeat(4_200_000)}\n`],
    ['is no JSON', 'hello\n'],
    ['is no event', '{"type":"ADDED"}\n'],
    ['is of an unknown type', `{"type":"OTHER","object":{"apiVersion":"v1","kind":"A","metadata":{}}}\n`],
    ['is a failure', `{"type":"ERROR","object":{"kind":"Status","code":500,"message":"no"}}\n`],
  ])('fails a watch with a line that %s', async (_what, line) => {
    await using cluster = await startTroubled();
    cluster.server.trouble = () => (_, answer) => answer.writeHead(200).end(line);
    const watch = cluster.api.watch(maps, { resourceVersion: '1' }, signal);
    expect(await codeOf(() => watch.next())).toBe('KUBERNETES_UNAVAILABLE');
  });

  it('ends a watch without the half line that it broke off', async () => {
    await using cluster = await startTroubled();
    cluster.server.trouble = () => (_, answer) => answer.writeHead(200).end('\n{"type":"ADD');
    const watch = cluster.api.watch(maps, { resourceVersion: '1' }, signal);
    expect(await watch.next()).toEqual({ done: true, value: 'ended' });
  });
});

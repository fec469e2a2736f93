import { describe, expect, it } from '@jest/globals';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference, type TestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;

interface Setup extends AsyncDisposable {
  readonly origin: FakeRegistry;
  readonly mirror: FakeRegistry;
  readonly registry: TestRegistry;
  readonly digest: string;
}

/** An origin with team/app:1, and a mirror that has it as hub/team/app:1. */
async function setup(): Promise<Setup> {
  const [origin, mirror] = [await startFakeRegistry(), await startFakeRegistry()];
  const { digest } = await origin.putImage({ repository: 'team/app', tag: '1' });
  await mirror.putImage({ repository: 'hub/team/app', tag: '1' });
  const registry = makeTestRegistry([origin.host, mirror.host], {
    mirrors: new Map([[origin.host, [{ registry: mirror.host, prefix: 'hub/' }]]]),
  });
  return {
    origin,
    mirror,
    registry,
    digest,
    async [Symbol.asyncDispose]() {
      await registry.close();
      await origin.close();
      await mirror.close();
    },
  };
}

describe('a mirror', () => {
  it('answers for tags, manifests and blobs, under its own name for them', async () => {
    await using all = await setup();
    const { origin, mirror, registry, digest } = all;
    const target = { registry: origin.host, repository: 'team/app', digest: parseDigest(digest) };
    expect(await registry.resolver.fetch(tagReference(`${origin.host}/team/app:1`), never)).toMatchObject({
      digest,
    });
    const { bytes } = await registry.upstream.manifest(target, never);
    expect(bytes.byteLength).toBeGreaterThan(0);
    expect(origin.requests).toEqual([]);
    expect(mirror.requests.map(({ path }) => path.replace(/sha256.*/, ''))).toEqual([
      '/v2/hub/team/app/manifests/1',
    ]);
  });

  it.each<[string, (mirror: FakeRegistry) => void]>([
    ['does not have it', (mirror) => (mirror.lies.failing = { status: 404, times: 9 })],
    ['refuses', (mirror) => (mirror.lies.auth = { kind: 'basic', never: true })],
    ['is broken', (mirror) => (mirror.lies.failing = { status: 503, times: 9 })],
    ['has had enough', (mirror) => (mirror.lies.rateLimit = {})],
  ])('that %s leaves it to the registry', async (_what, lie) => {
    await using all = await setup();
    lie(all.mirror);
    const reference = tagReference(`${all.origin.host}/team/app:1`);
    expect(await all.registry.resolver.fetch(reference, never)).toMatchObject({ digest: all.digest });
    expect(all.origin.count('GET', '/manifests/1')).toBe(1);
  });

  it('that was down is left alone for half a minute', async () => {
    await using all = await setup();
    all.mirror.lies.failing = { status: 503, times: 3 };
    const ask = () => all.registry.resolver.fetch(tagReference(`${all.origin.host}/team/app:1`), never);
    await ask();
    const asked = all.mirror.requests.length;
    all.registry.clock.advance(15_000);
    await ask();
    expect(all.mirror.requests.length).toBe(asked);
    all.registry.clock.advance(15_000);
    await ask();
    expect(all.mirror.requests.length).toBe(asked + 1);
  });

  it('that sends other bytes than the digest is refused', async () => {
    await using all = await setup();
    all.mirror.lies.wrongBody = true;
    const target = { registry: all.origin.host, repository: 'team/app', digest: parseDigest(all.digest) };
    expect(await codeOf(() => all.registry.upstream.manifest(target, never))).toBe('DIGEST_MISMATCH');
  });

  it('is shown no credential of the registry, and nothing of a client', async () => {
    await using all = await setup();
    const credential = { kind: 'basic', username: 'ann', password: 'right', source: 'test' } as const;
    all.origin.lies.auth = { kind: 'basic', user: { name: 'ann', password: 'right' } };
    const target = { registry: all.origin.host, repository: 'team/app', digest: parseDigest(all.digest) };
    await all.registry.upstream.manifest({ ...target, credential }, never);
    expect(all.mirror.requests).toEqual([]);
  });

  it('lists no tags', async () => {
    await using all = await setup();
    const page = await all.registry.upstream.tags(
      { registry: all.origin.host, repository: 'team/app', page: {} },
      never,
    );
    expect([page.tags, all.mirror.requests]).toEqual([['1'], []]);
  });
});

describe('a registry that says that nothing is left', () => {
  it('is asked for no manifest before it says otherwise, while HEAD goes on', async () => {
    await using fake = await startFakeRegistry();
    await fake.putImage({ repository: 'team/app', tag: '1' });
    await fake.putImage({ repository: 'team/app', tag: '2' });
    const registry = makeTestRegistry([fake.host]);
    const reference = (tag: string) => tagReference(`${fake.host}/team/app:${tag}`);
    fake.lies.remaining = '0;w=21600';
    await registry.resolver.fetch(reference('1'), never);
    expect(await codeOf(() => registry.resolver.fetch(reference('2'), never))).toBe('REGISTRY_RATE_LIMITED');
    fake.lies.remaining = '5;w=21600';
    await registry.resolver.recheck(reference('2'), never);
    expect(await registry.resolver.fetch(reference('2'), never)).toMatchObject({ hashed: true });
    await registry.close();
  });
});

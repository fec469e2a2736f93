import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DOCKER_MANIFEST } from '../../../src/reference/media-type.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import type { FakeRegistry, Lies } from '../../support/fake-registry.ts';
import type { PushedImage } from '../../support/push-image.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import type { TestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const WRONG = `sha256:${'a'.repeat(64)}`;
const SHORT_LIMITS = { headers: 200, bodyIdle: 200, manifestTotal: 600, retryDelay: 1 };

describe('a registry that lies', () => {
  let fake: FakeRegistry;
  let registry: TestRegistry;
  let image: PushedImage;

  beforeEach(async () => {
    fake = await startFakeRegistry();
    registry = makeTestRegistry([fake.host], { limits: SHORT_LIMITS });
    image = await fake.putImage({ repository: 'app', tag: '1' });
  });
  afterEach(async () => {
    await fake.close();
    await registry.close();
  });

  const reference = () => tagReference(`${fake.host}/app:1`);
  const fetch = () => registry.resolver.fetch(reference(), never);
  const recheck = () => registry.resolver.recheck(reference(), never);
  const byDigest = () =>
    registry.upstream.manifest(
      { registry: fake.host, repository: 'app', digest: parseDigest(image.digest) },
      never,
    );

  describe('about a manifest', () => {
    const refused: readonly { lies: Lies; code: string }[] = [
      { lies: { digestHeader: { text: WRONG } }, code: 'DIGEST_MISMATCH' },
      { lies: { wrongBody: true }, code: 'DIGEST_MISMATCH' },
      { lies: { gzip: true }, code: 'REGISTRY_ANSWER_INVALID' },
      { lies: { body: 'oversized' }, code: 'REGISTRY_ANSWER_INVALID' },
      { lies: { body: 'endless' }, code: 'REGISTRY_ANSWER_INVALID' },
      { lies: { body: 'stuck' }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { body: 'short' }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { silent: true }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { contentType: 'text/html' }, code: 'REGISTRY_ANSWER_INVALID' },
      {
        lies: { contentType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
        code: 'REGISTRY_ANSWER_INVALID',
      },
      { lies: { manifestRedirect: 'http://169.254.169.254/latest' }, code: 'ADDRESS_FORBIDDEN' },
      { lies: { manifestRedirect: 'https://10.0.0.1/{path}' }, code: 'ADDRESS_FORBIDDEN' },
      { lies: { manifestRedirect: 'https://[::ffff:7f00:1]/{path}' }, code: 'ADDRESS_FORBIDDEN' },
      { lies: { manifestRedirect: 'https://2130706433/{path}' }, code: 'ADDRESS_FORBIDDEN' },
      { lies: { manifestRedirect: 'http://registry.example/{path}' }, code: 'ADDRESS_FORBIDDEN' },
      {
        lies: { manifestRedirect: 'https://user:secret@registry.example/' },
        code: 'REGISTRY_ANSWER_INVALID',
      },
      { lies: { manifestRedirect: '{path}' }, code: 'REGISTRY_ANSWER_INVALID' },
      { lies: { failing: { status: 500, times: 9 } }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { failing: { status: 503, times: 9 } }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { failing: { status: 403, times: 9 } }, code: 'REGISTRY_UNAUTHORIZED' },
      { lies: { failing: { status: 418, times: 9 } }, code: 'REGISTRY_ANSWER_INVALID' },
      { lies: { breaking: { times: 9 } }, code: 'REGISTRY_UNAVAILABLE' },
      { lies: { rateLimit: {} }, code: 'REGISTRY_RATE_LIMITED' },
    ];

    it.each(refused.map((row) => ({ ...row, title: JSON.stringify(row.lies) })))(
      'answers $title with $code, on one line',
      async ({ lies, code }) => {
        Object.assign(fake.lies, lies);
        const error = await fetch().catch((thrown: unknown) => thrown);
        if (!(error instanceof AppError)) throw error;
        expect(error.code).toBe(code);
        expect(error.message).not.toContain('\n');
        expect(error.message).toContain(reference().canonical);
      },
    );

    it('hashes the bytes when there is no digest header, on a recheck too', async () => {
      fake.lies.digestHeader = 'none';
      expect(await recheck()).toEqual({ digest: image.digest, hashed: true });
      expect(fake.count('GET', '/manifests/')).toBe(1);
    });

    it.each([400, 405, 501])('fetches on a recheck when HEAD answers %d', async (headStatus) => {
      fake.lies.headStatus = headStatus;
      expect(await recheck()).toEqual({ digest: image.digest, hashed: true });
    });

    it('fetches on a recheck when the header names a sha512', async () => {
      fake.lies.digestHeader = { text: `sha512:${'a'.repeat(128)}` };
      expect(await codeOf(recheck)).toBe('DIGEST_MISMATCH');
    });

    it('is shown one Accept, so that a tag has one digest', async () => {
      fake.lies.digestByAccept = true;
      expect(await fetch()).toEqual({ digest: image.digest, hashed: true });
    });

    it('refuses bytes by digest that have another one', async () => {
      fake.lies.wrongBody = true;
      fake.lies.digestHeader = 'none';
      expect(await codeOf(byDigest)).toBe('DIGEST_MISMATCH');
    });

    it('accepts a Docker media type with parameters', async () => {
      fake.lies.contentType = `${DOCKER_MANIFEST}; charset=utf-8`;
      expect((await fetch()).hashed).toBe(true);
    });
  });

  it('serves the pull by digest from what the first sight fetched', async () => {
    await fetch();
    expect((await byDigest()).digest).toBe(image.digest);
    expect(fake.count('GET', '/manifests/')).toBe(1);
  });

  it('asks a failing registry again, twice at most', async () => {
    fake.lies.failing = { status: 502, times: 2 };
    expect((await fetch()).digest).toBe(image.digest);
    fake.lies.failing = { status: 502, times: 9 };
    expect(await codeOf(byFreshTag)).toBe('REGISTRY_UNAVAILABLE');
    expect(fake.lies.failing.times).toBe(6);
  });

  it('gets over a broken connection', async () => {
    fake.lies.breaking = { times: 2 };
    expect((await fetch()).digest).toBe(image.digest);
  });

  it.each([404, 403, 500])('does not ask again after %d', async (status) => {
    fake.lies.failing = { status, times: 9 };
    await codeOf(fetch);
    expect(fake.lies.failing.times).toBe(8);
  });

  it('leaves a host alone until its Retry-After is over', async () => {
    fake.lies.rateLimit = { retryAfter: '30' };
    const error = await fetch().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_RATE_LIMITED', retryAfterSeconds: 30 });
    delete fake.lies.rateLimit;
    registry.clock.advance(29_000);
    const second = await byFreshTag().catch((thrown: unknown) => thrown);
    expect(second).toMatchObject({ code: 'REGISTRY_RATE_LIMITED', retryAfterSeconds: 1 });
    expect(fake.requests.length).toBe(1);
    registry.clock.advance(1_000);
    expect((await fetch()).digest).toBe(image.digest);
  });

  it('reads the digest anew each time a tag alternates', async () => {
    const other = await fake.putImage({ repository: 'app', tag: '2', text: 'other' });
    fake.lies.alternating = [image.digest, other.digest];
    const first = await fetch();
    registry.clock.advance(10_000);
    const second = await fetch();
    expect(new Set([first.digest, second.digest])).toEqual(new Set([image.digest, other.digest]));
  });

  it('drops the login when a manifest is redirected to another host', async () => {
    await using other = await startFakeRegistry();
    await other.putImage({ repository: 'app', tag: '1' });
    await using second = closing(
      makeTestRegistry([fake.host, other.host], {
        credentials: { find: async () => ({ kind: 'basic', username: 'u', password: 'p', source: 'test' }) },
      }),
    );
    Object.assign(fake.lies, {
      auth: { kind: 'basic', user: { name: 'u', password: 'p' } },
      manifestRedirect: `${other.url}{path}`,
    });
    expect((await second.resolver.fetch(reference(), never)).digest).toBe(image.digest);
    expect(fake.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('ends only the wait of the asker whose signal aborts', async () => {
    fake.lies.silent = true;
    const impatient = new AbortController();
    const patient = fetch();
    const cut = registry.resolver.fetch(reference(), impatient.signal);
    impatient.abort();
    expect(await codeOf(() => cut)).toBe('DEADLINE_EXCEEDED');
    expect(await codeOf(() => patient)).toBe('REGISTRY_UNAVAILABLE');
    expect(fake.requests.length).toBe(1);
  });

  describe('about a blob', () => {
    const blob = (method: 'GET' | 'HEAD' = 'GET') =>
      registry.upstream.blob(
        {
          registry: fake.host,
          repository: 'app',
          digest: parseDigest(image.blobDigests[0] ?? ''),
          method,
          headers: {},
        },
        never,
      );

    it('passes a redirect to another https host on', async () => {
      fake.lies.blobRedirect = 'https://cdn.example/blob?signature=1';
      const location = 'https://cdn.example/blob?signature=1';
      expect(await blob()).toEqual({ kind: 'redirect', location });
    });

    it('follows a redirect within the registry itself', async () => {
      fake.lies.blobRedirect = '{path}?direct';
      expect((await blob()).kind).toBe('stream');
    });

    it('passes only listed headers on', async () => {
      const answer = await blob('HEAD');
      expect(Object.keys(answer.kind === 'stream' ? answer.headers : {}).sort()).toEqual([
        'accept-ranges',
        'content-length',
        'content-type',
      ]);
    });

    it.each([
      'http://cdn.example/b',
      'https://127.0.0.1/b',
      'https://192.168.1.1/b',
      'https://[fd00:ec2::254]/b',
      'http://169.254.169.254/',
    ])('refuses a redirect to %s', async (location) => {
      fake.lies.blobRedirect = location;
      expect(await codeOf(() => blob())).toBe('ADDRESS_FORBIDDEN');
    });

    it('says where a redirect that is not of the web leads', async () => {
      fake.lies.blobRedirect = 'file:///etc/passwd';
      await expect(blob()).rejects.toThrow(/redirects to "file:\/\/", which is not https/);
    });

    it.each([206, 416])('refuses %i where no range was asked for', async (status) => {
      fake.lies.blobStatus = status;
      expect(await codeOf(() => blob())).toBe('REGISTRY_ANSWER_INVALID');
    });

    it('refuses an encoded body', async () => {
      fake.lies.gzip = true;
      expect(await codeOf(() => blob())).toBe('REGISTRY_ANSWER_INVALID');
    });
  });

  function byFreshTag(): Promise<unknown> {
    return registry.resolver.fetch(tagReference(`${fake.host}/app:other`), never);
  }
});

function closing(registry: TestRegistry): TestRegistry & AsyncDisposable {
  return { ...registry, [Symbol.asyncDispose]: () => registry.close() };
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeTokenCapsules } from '../../../src/proxy/token-capsule.ts';
import { makeClientLogin } from '../../../src/proxy/client-login.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { call } from '../../support/http-call.ts';
import { proxySetup, type ProxySetup } from '../../support/proxy-setup.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { admit } from '../../support/verdicts.ts';

const key = Buffer.alloc(32, 7);
const login = makeClientLogin({
  isForClients: (registry) => registry === 'ghcr.io',
  publicUrl: new URL('https://tagseal.example.com'),
  key,
  clock: { now: () => 0 },
});
const BLOB = `/v2/ghcr.io/acme/api/blobs/${digestOfA}`;
const basic = { authorization: `Basic ${btoa('ann:right')}` };

const setup = (): Promise<ProxySetup> =>
  proxySetup(async (text) => admit(text, { pin: digestOfA }), {
    login,
    virtualHosts: new Map([['ghcr.example.com', 'ghcr.io']]),
  });

async function tokenOf(proxy: ProxySetup, query: string, headers = {}): Promise<string> {
  const answer = await call(proxy.url, `/token?${query}`, { headers });
  return (JSON.parse(answer.text) as { token: string }).token;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('an upstream of clients with credentials of their own', () => {
  it.each([
    ['/v2/', 'tagseal.example.com', ''],
    [BLOB, 'tagseal.example.com', ',scope="repository:ghcr.io/acme/api:pull"'],
    [`/v2/acme/api/blobs/${digestOfA}?ns=ghcr.io`, 'ghcr.io', ',scope="repository:acme/api:pull"'],
    ['/v2/ghcr.io/acme/api/manifests/1', 'tagseal.example.com', ',scope="repository:ghcr.io/acme/api:pull"'],
    ['/v2/ghcr.io/acme/api/tags/list', 'tagseal.example.com', ',scope="repository:ghcr.io/acme/api:pull"'],
  ])('asks at %s for a token of %s', async (path, service, scope) => {
    await using proxy = await setup();
    const { status, headers } = await call(proxy.url, path, { headers: { 'x-forwarded-host': 'evil' } });
    expect({ status, challenge: headers['www-authenticate'] }).toEqual({
      status: 401,
      challenge: `Bearer realm="https://tagseal.example.com/token",service="${service}"${scope}`,
    });
    expect([...proxy.upstream.calls, ...proxy.upstream.blobCalls]).toEqual([]);
  });

  it.each(['/v2/', '/v2/acme/api/manifests/1'])(
    'names the registry of a virtual host at %s, since many clients ask for all tokens as told at /v2/',
    async (path) => {
      await using proxy = await setup();
      const { headers } = await call(proxy.url, path, { headers: { host: 'ghcr.example.com' } });
      expect(headers['www-authenticate']).toContain(',service="ghcr.io"');
    },
  );

  it.each([
    ['service=tagseal.example.com&scope=repository:ghcr.io/acme/api:pull', BLOB],
    ['service=ghcr.io&scope=repository:acme/api:pull', `/v2/acme/api/blobs/${digestOfA}?ns=ghcr.io`],
    ['scope=repository:other:pull%20repository:ghcr.io/acme/api:pull,push', BLOB],
    ['scope=repository:other:pull&scope=repository:ghcr.io/acme/api:pull', BLOB],
  ])('is shown what the client logs in with: %s', async (query, path) => {
    await using proxy = await setup();
    const token = await tokenOf(proxy, query, basic);
    expect(token).not.toContain('right');
    expect((await call(proxy.url, path, { headers: bearer(token) })).status).toBe(200);
    const anonymous = await tokenOf(proxy, query);
    expect((await call(proxy.url, path, { headers: bearer(anonymous) })).status).toBe(200);
    expect(proxy.upstream.blobCalls.map(({ credential }) => credential)).toEqual([
      { kind: 'basic', username: 'ann', password: 'right', source: 'the credentials of the client' },
      { kind: 'anonymous' },
    ]);
  });

  it.each([
    'scope=repository:ghcr.io/acme/other:pull',
    'scope=repository:acme/api:pull',
    'service=quay.io&scope=repository:acme/api:pull',
    'scope=registry:catalog:*',
    '',
  ])('refuses a token for something else: %s', async (query) => {
    await using proxy = await setup();
    const headers = bearer(await tokenOf(proxy, query, basic));
    expect((await call(proxy.url, BLOB, { headers })).status).toBe(401);
    expect((await call(proxy.url, '/v2/', { headers })).status).toBe(200);
  });

  it('asks the registry before records and memory are used, and passes its refusal on as a challenge', async () => {
    const asked: string[] = [];
    await using proxy = await proxySetup(
      async (text, { access }) => {
        asked.push(`check ${access?.isOnly}`);
        return admit(text, { pin: digestOfA });
      },
      { login },
    );
    proxy.upstream.mayPull = async ({ reference, credential }) => {
      asked.push(`mayPull ${reference} ${credential?.kind}`);
      throw new AppError({ code: 'REGISTRY_UNAUTHORIZED', message: 'cannot read it: 403' });
    };
    const token = await tokenOf(proxy, 'scope=repository:ghcr.io/acme/api:pull', basic);
    for (const reference of ['1', digestOfA]) {
      const path = `/v2/ghcr.io/acme/api/manifests/${reference}`;
      const answer = await call(proxy.url, path, { headers: bearer(token) });
      expect(answer).toMatchObject({ status: 401, text: expect.stringContaining('403') });
      expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
    }
    expect(asked).toEqual(['mayPull 1 basic', `mayPull ${digestOfA} basic`]);
    expect(proxy.upstream.calls).toEqual([]);
  });

  it('leaves other registries to everybody', async () => {
    await using proxy = await setup();
    expect((await call(proxy.url, `/v2/alpine/blobs/${digestOfA}`)).status).toBe(200);
    expect(proxy.upstream.blobCalls.map(({ credential }) => credential)).toEqual([undefined]);
  });

  it('gives no token for a login that is none, and answers 405 to a form', async () => {
    await using proxy = await setup();
    const bad = await call(proxy.url, '/token', { headers: { authorization: 'Basic !' } });
    const form = await call(proxy.url, '/token', { method: 'POST', body: 'grant_type=password' });
    expect([bad.status, form.status]).toEqual([401, 405]);
  });

  it('logs nothing of the query of a login', async () => {
    await using proxy = await setup();
    await call(proxy.url, '/token?account=ann&password=secret');
    expect(JSON.stringify(proxy.lines())).not.toContain('secret');
  });
});

describe('a token', () => {
  const capsules = makeTokenCapsules(key);
  const grant = { repositories: ['ghcr.io/acme/api'], login: { username: 'ann', password: 'right' } };

  it('is what it was made of, for five minutes, under its key alone', () => {
    const { token, seconds } = capsules.seal(grant, 0);
    expect(seconds).toBe(300);
    expect(capsules.open(token, 299_999)).toEqual(grant);
    expect(capsules.open(token, 300_000)).toBeUndefined();
    expect(makeTokenCapsules(Buffer.alloc(32)).open(token, 0)).toBeUndefined();
  });

  it('that was changed anywhere is none, and neither is any other text', () => {
    const { token } = capsules.seal(grant, 0);
    const changed = fc
      .tuple(fc.nat(token.length - 1), fc.constantFrom('A', 'a', '0', '-', '_', '.'))
      .map(([at, letter]) => token.slice(0, at) + letter + token.slice(at + 1))
      .filter(
        (text) =>
          !Buffer.from(text.slice(9), 'base64url').equals(Buffer.from(token.slice(9), 'base64url')) ||
          text.slice(0, 9) !== token.slice(0, 9),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          changed,
          fc.string(),
          fc.base64String().map((text) => `tagseal1.${text}`),
        ),
        (text) => {
          expect(capsules.open(text, 0)).toBeUndefined();
        },
      ),
    );
  });
});

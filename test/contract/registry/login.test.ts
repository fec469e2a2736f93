import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { Credential } from '../../../src/registry/credential.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import type { Auth, FakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference } from '../../support/test-registry.ts';
import type { TestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const USER = { name: 'robot', password: 'pass:word-secret' };
const BASIC: Credential = {
  kind: 'basic',
  username: USER.name,
  password: USER.password,
  source: 'the test user',
};
const REFRESH: Credential = { kind: 'identityToken', token: 'refresh-secret', source: 'the test token' };
const ANONYMOUS: Credential = { kind: 'anonymous' };

describe('login to a registry', () => {
  let fake: FakeRegistry;
  let registry: TestRegistry;
  let credential: Credential;

  beforeEach(async () => {
    fake = await startFakeRegistry();
    credential = ANONYMOUS;
    registry = makeTestRegistry([fake.host], { credentials: { find: async () => credential } });
    for (const tag of ['1', '2', '3']) await fake.putImage({ repository: 'app', tag });
  });
  afterEach(async () => {
    await fake.close();
    await registry.close();
  });

  const fetch = (tag = '1') => registry.resolver.fetch(tagReference(`${fake.host}/app:${tag}`), never);

  const accepted: readonly { auth: Auth; as: Credential }[] = [
    { auth: { kind: 'bearer' }, as: ANONYMOUS },
    { auth: { kind: 'bearer', user: USER }, as: BASIC },
    { auth: { kind: 'bearer', identityToken: 'refresh-secret' }, as: REFRESH },
    { auth: { kind: 'basic', user: USER }, as: BASIC },
    { auth: { kind: 'multi' }, as: ANONYMOUS },
    { auth: { kind: 'multi', user: USER }, as: BASIC },
  ];
  it.each(accepted.map((row) => ({ ...row, title: `${row.auth.kind} as ${row.as.kind}` })))(
    'succeeds by $title, and needs no second challenge for the next tag',
    async ({ auth, as }) => {
      fake.lies.auth = auth;
      credential = as;
      await fetch('1');
      const before = fake.requests.length;
      await fetch('2');
      expect(fake.requests.length - before).toBe(1);
    },
  );

  const refused: readonly { auth: Auth; as: Credential; code: string }[] = [
    { auth: { kind: 'bearer', user: USER }, as: ANONYMOUS, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'bearer', never: true }, as: ANONYMOUS, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'bearer', never: true, user: USER }, as: BASIC, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'basic', user: USER }, as: ANONYMOUS, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'basic', user: USER }, as: REFRESH, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'basic', user: { name: 'x', password: 'y' } }, as: BASIC, code: 'REGISTRY_UNAUTHORIZED' },
    { auth: { kind: 'bearer', tokenBody: 'no json' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
    { auth: { kind: 'bearer', tokenBody: '{"token":""}' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
    { auth: { kind: 'bearer', tokenBody: '{"token":"a\\nb"}' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
    {
      auth: { kind: 'bearer', tokenBody: `{"pad":"${'a'.repeat(200_000)}","token":"t"}` },
      as: BASIC,
      code: 'REGISTRY_ANSWER_INVALID',
    },
    { auth: { kind: 'bearer', realm: 'https://evil.example/t' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
    {
      auth: { kind: 'bearer', realm: 'http://169.254.169.254/' },
      as: BASIC,
      code: 'REGISTRY_ANSWER_INVALID',
    },
    { auth: { kind: 'bearer', realm: 'file:///etc/passwd' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
    { auth: { kind: 'bearer', realm: '/token' }, as: BASIC, code: 'REGISTRY_ANSWER_INVALID' },
  ];
  it.each(
    refused.map((row) => ({ ...row, title: `${JSON.stringify(row.auth).slice(0, 70)} as ${row.as.kind}` })),
  )('fails by $title with $code, on one line without a secret', async ({ auth, as, code }) => {
    fake.lies.auth = auth;
    credential = as;
    const error = await fetch().catch((thrown: unknown) => thrown);
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe(code);
    expect(error.message).not.toMatch(/\n|secret|token-/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret');
  });

  it('asks for the scope of the challenge and its service', async () => {
    fake.lies.auth = { kind: 'bearer' };
    await fetch();
    expect(fake.requests[1]?.path).toBe('/token?service=fake&scope=repository%3Aany%3Apull%2Cpush');
  });

  it('never sends an empty Bearer', async () => {
    fake.lies.auth = { kind: 'bearer' };
    await fetch();
    const sent = fake.requests.map(({ headers }) => headers.authorization);
    expect(sent).toEqual([undefined, undefined, expect.stringMatching(/^Bearer \S+$/)]);
  });

  it('gets one token for many tags at once', async () => {
    fake.lies.auth = { kind: 'bearer' };
    await Promise.all([fetch('1'), fetch('2'), fetch('3')]);
    expect(fake.count('GET', '/token')).toBe(1);
  });

  it('gets a new token, once, when the remembered one is refused', async () => {
    fake.lies.auth = { kind: 'bearer' };
    await fetch('1');
    fake.revokeTokens();
    await fetch('2');
    expect(fake.count('GET', '/token')).toBe(2);
  });

  it('stops after one new token', async () => {
    fake.lies.auth = { kind: 'bearer', never: true };
    await codeOf(() => fetch());
    expect(fake.count('GET', '/manifests/')).toBe(2);
  });

  it.each([
    { expiresIn: undefined, after: 49_000, tokens: 1 },
    { expiresIn: undefined, after: 50_000, tokens: 2 },
    { expiresIn: 300, after: 289_000, tokens: 1 },
    { expiresIn: 300, after: 290_000, tokens: 2 },
    { expiresIn: 5, after: 0, tokens: 2 },
    { expiresIn: 1e12, after: 3_590_000, tokens: 2 },
  ])(
    'keeps a token of $expiresIn s for its time less 10 s: $after ms',
    async ({ expiresIn, after, tokens }) => {
      fake.lies.auth = { kind: 'bearer', ...(expiresIn === undefined ? {} : { expiresIn }) };
      await fetch('1');
      registry.clock.advance(after);
      await fetch('2');
      expect(fake.count('GET', '/token')).toBe(tokens);
    },
  );

  it('keeps the tokens of two identities apart', async () => {
    fake.lies.auth = { kind: 'bearer' };
    await fetch('1');
    credential = BASIC;
    await fetch('2');
    expect(fake.count('GET', '/token')).toBe(2);
  });

  it.each([BASIC, REFRESH])('shows no $kind to a token service of another host', async (shown) => {
    const foreign = `localhost:${fake.host.split(':')[1] ?? ''}`;
    await using second = closing(
      makeTestRegistry([fake.host, foreign], { credentials: { find: async () => shown } }),
    );
    fake.lies.auth = { kind: 'bearer', realm: `http://${foreign}/token` };
    await second.resolver.fetch(tagReference(`${fake.host}/app:1`), never);
    const asked = fake.requests.filter(({ path }) => path.startsWith('/token'));
    expect(asked.map(({ method, body, headers }) => [method, body, headers.authorization])).toEqual([
      ['GET', '', undefined],
    ]);
  });

  it('does not follow a redirect of a token request', async () => {
    fake.lies.auth = { kind: 'bearer', tokenRedirect: `${fake.url}/elsewhere` };
    expect(await codeOf(() => fetch())).toBe('REGISTRY_ANSWER_INVALID');
    expect(fake.count('GET', '/elsewhere')).toBe(0);
  });
});

function closing(registry: TestRegistry): TestRegistry & AsyncDisposable {
  return { ...registry, [Symbol.asyncDispose]: () => registry.close() };
}

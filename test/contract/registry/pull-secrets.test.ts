import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { PullAccess, PullSecret, PullSecrets, Resolved } from '../../../src/check/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry, tagReference, type TestRegistry } from '../../support/test-registry.ts';

const never = new AbortController().signal;
const USER = { name: 'robot', password: 'hunter2' };
const METHODS = ['fetch', 'recheck'] as const;

describe('pull secrets at a registry', () => {
  let fake: FakeRegistry;
  let registry: TestRegistry;

  beforeEach(async () => {
    fake = await startFakeRegistry();
    fake.lies.auth = { kind: 'bearer', user: USER };
    registry = makeTestRegistry([fake.host], { credentials: { find: async () => ({ kind: 'anonymous' }) } });
    await fake.putImage({ repository: 'app', tag: '1' });
  });
  afterEach(async () => {
    await fake.close();
    await registry.close();
  });

  function secret(name: string, { name: user, password } = USER): PullSecret {
    const auth = Buffer.from(`${user}:${password}`).toString('base64');
    const content = JSON.stringify({ auths: { [fake.host]: { auth } } });
    return { name, type: 'dockerconfigjson', content };
  }

  const wrong = (name: string) => secret(name, { name: 'robot', password: 'old' });

  function access(secrets: readonly PullSecret[], unreadable: PullSecrets['unreadable'] = []): PullAccess {
    return { scope: JSON.stringify(secrets), secrets: () => Promise.resolve({ secrets, unreadable }) };
  }

  function ask(method: (typeof METHODS)[number], granted?: PullAccess, tag = '1'): Promise<Resolved> {
    const reference = tagReference(`${fake.host}/app:${tag}`);
    return method === 'fetch'
      ? registry.resolver.fetch(reference, never, granted)
      : registry.resolver.recheck(reference, never, undefined, granted);
  }

  async function refusal(asked: Promise<unknown>): Promise<AppError> {
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    if (error instanceof AppError) return error;
    throw new Error('it was not refused');
  }

  describe.each(METHODS)('on a %s', (method) => {
    it('let a Pod in that we have no login for', async () => {
      expect((await ask(method, access([secret('shop/regcred')]))).digest).toMatch(/^sha256:/);
    });

    it('are tried one after the other', async () => {
      const granted = access([
        wrong('shop/old'),
        secret('shop/other', { name: 'x', password: 'y' }),
        secret('shop/new'),
      ]);
      expect((await ask(method, granted)).digest).toMatch(/^sha256:/);
    });

    it('let nobody else in', async () => {
      await ask(method, access([secret('shop/regcred')]));
      expect((await refusal(ask(method))).code).toBe('REGISTRY_UNAUTHORIZED');
      expect((await refusal(ask(method, access([])))).code).toBe('REGISTRY_UNAUTHORIZED');
    });

    it('do not stand in the way of a public image', async () => {
      delete fake.lies.auth;
      const unreadable = [{ name: 'shop/gone', why: 'there is no such Secret' }];
      expect((await ask(method, access([wrong('shop/old')], unreadable))).digest).toMatch(/^sha256:/);
    });

    it('are named in the refusal, used or not, and never shown', async () => {
      const unreadable = [{ name: 'shop/gone', why: 'there is no such Secret' }];
      const { code, message } = await refusal(ask(method, access([wrong('shop/old')], unreadable)));
      expect(code).toBe('REGISTRY_UNAUTHORIZED');
      expect(message).toContain('pull secret shop/old');
      expect(message).toContain('pull secret "shop/gone" cannot be used: there is no such Secret');
      expect(message).not.toMatch(/hunter2|old:|cm9ib3Q6/);
    });

    it('tell that the tag is unknown, as who is let in knows', async () => {
      const { code } = await refusal(ask(method, access([secret('shop/regcred')]), 'no-such-tag'));
      expect(code).toBe('MANIFEST_UNKNOWN');
    });
  });

  it('that cannot be asked for leave our own login, and are told', async () => {
    const down: PullAccess = {
      scope: 'down',
      secrets: () => Promise.reject(new AppError({ code: 'KUBERNETES_UNAVAILABLE', message: 'told to' })),
    };
    expect((await refusal(ask('fetch', down))).message).toContain('told to');
    delete fake.lies.auth;
    registry.clock.advance(10_000);
    expect((await ask('fetch', down)).hashed).toBe(true);
  });

  it('are read when the registry is asked, and not for an answer of the last ten seconds', async () => {
    let reads = 0;
    const granted: PullAccess = {
      scope: 'counted',
      secrets: async () => {
        reads += 1;
        return { secrets: [secret('shop/regcred')], unreadable: [] };
      },
    };
    for (let i = 0; i < 5; i += 1) await ask('recheck', granted);
    expect(reads).toBe(1);
  });

  it('that have had enough requests silence nobody else, and not us', async () => {
    fake.lies.rateLimit = { retryAfter: '300' };
    const limited = access([wrong('shop/old')]);
    expect((await refusal(ask('fetch', limited))).code).toBe('REGISTRY_RATE_LIMITED');
    delete fake.lies.rateLimit;
    expect((await ask('fetch', access([secret('shop/regcred')]))).hashed).toBe(true);
    expect((await refusal(ask('fetch'))).code).toBe('REGISTRY_UNAUTHORIZED');
    expect((await refusal(ask('fetch', limited))).code).toBe('REGISTRY_RATE_LIMITED');
  });
});

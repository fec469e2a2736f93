import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { makeLeafKeeper } from '../../../src/http/leaf-keeper.ts';
import { makeAuthority } from '../../../src/http/tls.ts';

const { signal } = new AbortController();
const MINUTE = 60_000;

async function setUp() {
  const time = { now: Date.UTC(2026, 10, 1) };
  const make = () => makeAuthority({ lifetimeMs: 600 * MINUTE, now: time.now });
  const state = { authority: await make() };
  const current = makeLeafKeeper({
    authority: () => Promise.resolve(state.authority),
    names: ['tagseal-webhook.tagseal.svc'],
    lifetimeMs: 30 * MINUTE,
    clock: { now: () => time.now },
  });
  return { time, state, make, current };
}

describe('the leaf that is served', () => {
  it('is for the names and under the CA', async () => {
    const { state, current } = await setUp();
    const leaf = new X509Certificate((await current(signal)).cert);
    expect(leaf.subjectAltName).toBe('DNS:tagseal-webhook.tagseal.svc');
    expect(leaf.verify(new X509Certificate(state.authority.cert).publicKey)).toBe(true);
  });

  it('is the same for two thirds of its life, and another one from then on', async () => {
    const { time, current } = await setUp();
    const first = await current(signal);
    time.now += 20 * MINUTE - 1;
    await expect(current(signal)).resolves.toBe(first);
    time.now += 1;
    await expect(current(signal)).resolves.not.toBe(first);
  });

  it('is another one as soon as another CA signs', async () => {
    const { state, make, current } = await setUp();
    const first = await current(signal);
    state.authority = await make();
    const second = await current(signal);
    expect(second).not.toBe(first);
    expect(new X509Certificate(second.cert).verify(new X509Certificate(state.authority.cert).publicKey)).toBe(
      true,
    );
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Resolved, Resolver } from '../../../src/check/ports.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { makeCoalescedResolver } from '../../../src/registry/coalesced-resolver.ts';
import { sha256Digest } from '../../../src/reference/parse-digest.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const reference = tagReference('ghcr.io/acme/api:1');

describe('makeCoalescedResolver', () => {
  let clock: ReturnType<typeof makeManualClock>;
  let resolver: Resolver;
  let calls: string[];
  let failure: ErrorCode | undefined;
  let gate: Promise<void>;

  beforeEach(() => {
    clock = makeManualClock();
    calls = [];
    failure = undefined;
    gate = Promise.resolve();
    const answer = async (method: string, hashed: boolean): Promise<Resolved> => {
      calls.push(method);
      const count = calls.length;
      await gate;
      if (failure !== undefined) throw new AppError({ code: failure, message: 'told to' });
      return { digest: sha256Digest(Buffer.from(String(count))), hashed };
    };
    resolver = makeCoalescedResolver(
      { fetch: () => answer('fetch', true), recheck: () => answer('recheck', false) },
      clock,
    );
  });

  const fetch = (signal = never) => resolver.fetch(reference, signal);
  const recheck = (signal = never) => resolver.recheck(reference, signal);

  it.each([
    { title: 'a fetch by a fetch', ask: [fetch, fetch], expected: ['fetch'] },
    { title: 'a recheck by a fetch', ask: [fetch, recheck], expected: ['fetch'] },
    { title: 'a recheck by a recheck', ask: [recheck, recheck], expected: ['recheck'] },
  ])('serves $title, in flight and for 10 seconds', async ({ ask, expected }) => {
    await Promise.all(ask.map((method) => method()));
    clock.advance(9_999);
    for (const method of ask) await method();
    expect(calls).toEqual(expected);
    clock.advance(1);
    await ask[0]?.();
    expect(calls.length).toBe(2);
  });

  it('never serves a fetch by a recheck, in flight or after', async () => {
    const [, inFlight] = await Promise.all([recheck(), fetch()]);
    expect(inFlight.hashed).toBe(true);
    clock.advance(10_000);
    await recheck();
    expect((await fetch()).hashed).toBe(true);
    expect(calls).toEqual(['recheck', 'fetch', 'recheck', 'fetch']);
  });

  it('gives an answer again that is as young as the asker allows, and to nobody else', async () => {
    const { digest } = await fetch();
    clock.advance(299_999);
    expect((await resolver.recheck(reference, never, 300_000)).digest).toBe(digest);
    expect(calls).toEqual(['fetch']);
    expect((await resolver.recheck(reference, never, 299_999)).digest).not.toBe(digest);
    clock.advance(10_000);
    await recheck();
    await fetch();
    expect(calls).toEqual(['fetch', 'recheck', 'recheck', 'fetch']);
  });

  it('gives no answer again after 5 minutes, whatever the asker allows', async () => {
    await fetch();
    clock.advance(300_000);
    await resolver.recheck(reference, never, 600_000);
    expect(calls).toEqual(['fetch', 'recheck']);
  });

  it('keeps references apart', async () => {
    await fetch();
    await resolver.fetch(tagReference('ghcr.io/acme/api:2'), never);
    expect(calls.length).toBe(2);
  });

  const scope = (name: string) => ({
    scope: name,
    secrets: () => Promise.resolve({ secrets: [], unreadable: [] }),
  });

  it('keeps the answers of one scope of pull secrets from another and from who has none, in flight and after', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    gate = promise.then(() => undefined);
    const ask = () =>
      [
        scope('["shop",["a"],null]'),
        scope('["shop",["a"],null]'),
        scope('["web",["a"],null]'),
        undefined,
      ].map((access) => resolver.fetch(reference, never, access));
    const asked = ask();
    resolve(undefined);
    const first = await Promise.all(asked);
    expect(new Set(first.map(({ digest }) => digest)).size).toBe(3);
    expect(first[0]).toEqual(first[1]);
    expect(await Promise.all(ask())).toEqual(first);
    expect(calls.length).toBe(3);
  });

  it('remembers a refusal for the scope that was refused alone', async () => {
    failure = 'REGISTRY_UNAUTHORIZED';
    expect(await codeOf(() => resolver.recheck(reference, never, undefined, scope('a')))).toBe(failure);
    failure = undefined;
    expect(await codeOf(() => resolver.recheck(reference, never, undefined, scope('a')))).toBeDefined();
    expect(await codeOf(() => resolver.recheck(reference, never, undefined, scope('b')))).toBeUndefined();
    expect(await codeOf(() => recheck())).toBeUndefined();
  });

  it.each(['MANIFEST_UNKNOWN', 'REGISTRY_UNAUTHORIZED'] as const)(
    'remembers %s for 5 seconds',
    async (code) => {
      failure = code;
      expect(await codeOf(() => fetch())).toBe(code);
      failure = undefined;
      clock.advance(4_999);
      expect(await codeOf(() => recheck())).toBe(code);
      clock.advance(1);
      expect(await codeOf(() => fetch())).toBeUndefined();
    },
  );

  it.each(['REGISTRY_UNAVAILABLE', 'DIGEST_MISMATCH', 'REGISTRY_RATE_LIMITED'] as const)(
    'does not remember %s',
    async (code) => {
      failure = code;
      await codeOf(() => fetch());
      failure = undefined;
      expect(await codeOf(() => fetch())).toBeUndefined();
    },
  );

  it('ends the wait of one asker alone with DEADLINE_EXCEEDED', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    gate = promise.then(() => undefined);
    const leaver = new AbortController();
    const [left, stayed] = [fetch(leaver.signal), fetch()];
    leaver.abort();
    expect(await codeOf(() => left)).toBe('DEADLINE_EXCEEDED');
    resolve(undefined);
    expect((await stayed).hashed).toBe(true);
    expect(calls.length).toBe(1);
  });
});

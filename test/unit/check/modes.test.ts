import { describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import type { CheckContext, Verdict } from '../../../src/check/verdict.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { makeMemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:3.16';

function setUp(...rules: readonly Readonly<Record<string, unknown>>[]) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  resolver.now(TAG, digestOfA);
  const policy = compilePolicy(parsePolicy(rules.map((rule) => ({ match: { images: ['**'] }, ...rule }))));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: String });
  const { signal } = new AbortController();
  const check = (change: Partial<CheckContext> = {}, text = 'alpine:3.16'): Promise<Verdict> =>
    checkImage(text, { origin: 'admission', mayRecord: true, mayResolve: true, signal, ...change });
  return { ledger, resolver, check };
}

describe('checkImage and modes', () => {
  it.each([
    ['enforce', 'pending'],
    ['warn', 'admit'],
    ['audit', 'admit'],
  ])('while a new tag is being published, mode %s answers "%s"', async (mode, kind) => {
    const { ledger, check } = setUp({ mode });
    ledger.behave('pending');
    expect(await check()).toMatchObject({ kind });
    // somebody who only looks, after the reservation
    expect(await check({ mayRecord: false })).toMatchObject({ kind });
  });

  it.each([
    ['warn', 'enforce', 'report'],
    ['enforce', 'enforce', 'deny'],
    ['enforce', 'audit', 'report'],
  ] as const)('a context of mode %s over a rule of mode %s makes a move a %s', async (mode, own, kind) => {
    const { ledger, resolver, check } = setUp({ mode: own });
    ledger.put({ record: sampleRecord(TAG, { digest: digestOfA }), logged: true });
    resolver.now(TAG, digestOfB);
    expect(await check({ mode })).toMatchObject({ kind, denial: { reason: 'TAG_MOVED' } });
  });

  it('takes the rule of the namespace that it is asked for', async () => {
    const only = { images: ['**'], namespaceSelector: { matchLabels: { stage: 'test' } } };
    const { check } = setUp({ match: only, mode: 'off' });
    const inNamespace = (labels: Readonly<Record<string, string>>) => ({
      namespace: { name: 'shop', labels },
    });
    expect(await check(inNamespace({ stage: 'test' }))).toMatchObject({ kind: 'exempt' });
    expect(await check(inNamespace({ stage: 'prod' }))).toMatchObject({ kind: 'admit' });
    expect(await check()).toMatchObject({ kind: 'admit' });
  });
});

describe('checkImage and waiting', () => {
  it('waits for the reservation alone where the asker says so', async () => {
    const { ledger, check } = setUp({});
    expect(await check({ waitFor: 'reserved' })).toMatchObject({
      kind: 'admit',
      first: true,
      notes: [{ kind: 'notLoggedYet' }],
    });
    expect(ledger.recorded.map(({ waitFor }) => waitFor)).toEqual(['reserved']);
  });

  it.each([
    [{}, true],
    [{ onMoved: 'pinRecorded' }, false],
    [{ mutableTags: [{ tags: ['*'], as: 'track' }] }, false],
  ])('under %j says that a record of another digest is refused anyhow: %s', async (rule, refusesOther) => {
    const { ledger, check } = setUp(rule);
    await check();
    expect(ledger.recorded).toMatchObject([{ refusesOther }]);
  });

  it('says of a refused digest whether its tag may move', async () => {
    for (const [as, expected] of [
      ['track', true],
      ['none', undefined],
    ] as const) {
      const { ledger, check } = setUp(as === 'track' ? { mutableTags: [{ tags: ['*'], as }] } : {});
      ledger.put({ record: sampleRecord(TAG, { digest: digestOfA }), logged: true });
      const verdict = await check({ mayRecord: false, mayResolve: false }, `alpine:3.16@${digestOfB}`);
      expect(verdict).toMatchObject({ kind: 'deny', denial: { reason: 'DIGEST_NOT_RECORDED' } });
      expect(verdict.kind === 'deny' && verdict.tracked).toBe(expected);
    }
  });
});

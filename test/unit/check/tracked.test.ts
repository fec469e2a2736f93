import { describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import type { CheckContext, Verdict } from '../../../src/check/verdict.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { makeMemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:edge';
const LOOK = { mayRecord: false };

/** A tracked tag that is recorded as A, and now is B. */
function setUp(rule: Readonly<Record<string, unknown>> = {}, logged = true) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  const mutableTags = [{ tags: ['edge'], as: 'track' }];
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, mutableTags, ...rule }]));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: String });
  const { signal } = new AbortController();
  const check = (text: string, change: Partial<CheckContext> = {}): Promise<Verdict> =>
    checkImage(text, { origin: 'proxy', mayRecord: true, mayResolve: true, signal, ...change });
  ledger.put({ record: sampleRecord(TAG, { digest: digestOfA }), logged });
  resolver.now(TAG, digestOfB);
  return { ledger, resolver, check };
}

describe('checkImage of a tracked tag', () => {
  it('records the first sight like any other', async () => {
    const { ledger, resolver, check } = setUp();
    const other = 'docker.io/library/busybox:edge';
    resolver.now(other, digestOfB);
    expect(await check('busybox:edge')).toMatchObject({ kind: 'admit', pin: digestOfB, first: true });
    expect([ledger.recorded.length, ledger.advanced.length]).toEqual([1, 0]);
  });

  it('records what it moved to as the next generation, hashed, and pins that', async () => {
    const { ledger, resolver, check } = setUp();
    const verdict = await check('alpine:edge');
    expect(verdict).toMatchObject({ kind: 'admit', pin: digestOfB, first: false, record: { generation: 1 } });
    expect(ledger.advanced).toMatchObject([
      { digest: digestOfB, from: 0, origin: 'proxy', waitFor: 'logged' },
    ]);
    expect(ledger.advanced[0]).not.toHaveProperty('approval');
    expect(resolver.calls).toEqual({ fetch: 1, recheck: 1 });
  });

  it('records nothing while it stands still', async () => {
    const { ledger, resolver, check } = setUp();
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:edge')).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(ledger.advanced).toEqual([]);
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 1 });
  });

  it('believes what it hashed, and not the header that told of a move', async () => {
    const { ledger, resolver, check } = setUp();
    resolver.fetch = () => Promise.resolve({ digest: digestOfA, hashed: true });
    expect(await check('alpine:edge')).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(ledger.advanced).toEqual([]);
  });

  it('is admitted with what it hashed by who may not record, and notes that it would be recorded', async () => {
    const { ledger, check } = setUp();
    const verdict = await check('alpine:edge', LOOK);
    expect(verdict).toMatchObject({ kind: 'admit', pin: digestOfB, notes: [{ kind: 'wouldRecord' }] });
    expect(verdict).not.toHaveProperty('record');
    expect(ledger.advanced).toEqual([]);
  });

  it('takes the digest that somebody wrote beside it, if it is what the tag points to now', async () => {
    const { ledger, check } = setUp();
    expect(await check(`alpine:edge@${digestOfB}`)).toMatchObject({ kind: 'admit', pin: digestOfB });
    expect(ledger.advanced).toHaveLength(1);
  });

  it('refuses a digest beside it that it never pointed to, and records nothing', async () => {
    const { ledger, check } = setUp();
    const text = `alpine:edge@sha256:${'c'.repeat(64)}`;
    expect(await check(text)).toMatchObject({ kind: 'deny', denial: { reason: 'DIGEST_NOT_RECORDED' } });
    expect(ledger.advanced).toEqual([]);
  });

  it('is pinned as somebody else has recorded its move meanwhile', async () => {
    const { ledger, check } = setUp();
    ledger.putElsewhere({ record: sampleRecord(TAG, { digest: digestOfB, generation: 4 }), logged: true });
    expect(await check('alpine:edge')).toMatchObject({ pin: digestOfB, record: { generation: 4 } });
    expect(ledger.advanced).toEqual([]);
  });

  it('is not refused when another replica saw it elsewhere at the same time', async () => {
    const { ledger, check } = setUp();
    const digest = parseDigest(`sha256:${'c'.repeat(64)}`);
    const found = { record: sampleRecord(TAG, { digest, generation: 1 }), logged: true };
    ledger.advance = () => Promise.resolve({ kind: 'existing', found });
    expect(await check('alpine:edge')).toMatchObject({ kind: 'admit', pin: digest });
  });

  it('asks to come again while its move is being published', async () => {
    const { ledger, check } = setUp();
    ledger.behave('pending');
    expect(await check('alpine:edge')).toMatchObject({ kind: 'pending', record: { generation: 1 } });
  });

  it('asks to come again while the generation before is being published, whatever that one says', async () => {
    const { ledger, check } = setUp({}, false);
    const found = { record: sampleRecord(TAG, { digest: digestOfA }), logged: false };
    ledger.advance = () => Promise.resolve({ kind: 'pending', found, retryAfterSeconds: 1 });
    expect(await check('alpine:edge')).toMatchObject({ kind: 'pending', record: { generation: 0 } });
  });

  it.each([
    ['pinRecorded', 'admit'],
    ['deny', 'deny'],
  ])('with onUnresolvable: %s answers "%s" when what it moved to cannot be had', async (rule, kind) => {
    const { ledger, resolver, check } = setUp({ onUnresolvable: rule });
    resolver.recheck = () => Promise.resolve({ digest: digestOfB, hashed: false });
    resolver.now(TAG, 'REGISTRY_UNAVAILABLE');
    expect(await check('alpine:edge')).toMatchObject({ kind });
    expect(ledger.advanced).toEqual([]);
  });

  it('is denied where the ledger refuses to go on', async () => {
    const { ledger, check } = setUp();
    ledger.behave({ fail: 'RECORD_LOST' });
    expect(await check('alpine:edge')).toMatchObject({ kind: 'deny', denial: { reason: 'RECORD_LOST' } });
  });
});

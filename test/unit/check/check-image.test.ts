import { describe, expect, it } from '@jest/globals';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import type { CheckContext, Verdict } from '../../../src/check/verdict.ts';
import type { ErrorCode } from '../../../src/errors/code.ts';
import { ERROR_CODES, isUnavailable } from '../../../src/errors/code.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { makeMemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';

const TAG = 'docker.io/library/alpine:3.16';

function setUp(rule: Readonly<Record<string, unknown>> = {}) {
  const ledger = makeMemoryLedger();
  const resolver = makeScriptedResolver();
  const incidents: unknown[] = [];
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const checkImage = makeCheckImage({
    policy: () => policy,
    ledger,
    resolver,
    incident: (error) => `incident-${incidents.push(error)}`,
  });
  const check = (text: string, change: Partial<CheckContext> = {}): Promise<Verdict> =>
    checkImage(text, {
      origin: 'admission',
      mayRecord: true,
      mayResolve: true,
      signal: new AbortController().signal,
      ...change,
    });
  const known = (digest = digestOfA, logged = true) =>
    ledger.put({ record: sampleRecord(TAG, { digest }), logged });
  return { ledger, resolver, incidents, check, known };
}

const reasonOf = (verdict: Verdict) => ('denial' in verdict ? verdict.denial.reason : undefined);

describe('checkImage', () => {
  it('records a new tag with the digest that it hashed, and pins it', async () => {
    const { ledger, resolver, check } = setUp();
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({
      kind: 'admit',
      pin: digestOfA,
      first: true,
      notes: [],
    });
    expect(ledger.recorded.map(({ digest, origin }) => ({ digest, origin }))).toEqual([
      { digest: digestOfA, origin: 'admission' },
    ]);
  });

  it('pins a known tag, rechecks it with one HEAD, and says that it is not the first', async () => {
    const { resolver, check, known } = setUp();
    known();
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'admit', pin: digestOfA, first: false });
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 1 });
  });

  it.each([
    ['admits', {}, digestOfA, 'admit'],
    ['denies', {}, digestOfB, 'deny'],
    ['reports', { mode: 'audit' }, digestOfB, 'report'],
    ['exempts', { mode: 'off' }, digestOfA, 'exempt'],
  ])('names the rule that %s', async (_, rule, now, kind) => {
    const { resolver, check, known } = setUp({ name: 'ours', ...rule });
    known();
    resolver.now(TAG, now);
    expect(await check('alpine:3.16')).toMatchObject({ kind, rule: 'ours' });
  });

  it('names no rule where none was needed', async () => {
    const { check } = setUp({ name: 'ours' });
    expect(await check(`alpine@${digestOfA}`)).not.toHaveProperty('rule');
    expect(await check('no such image')).not.toHaveProperty('rule');
  });

  it('denies a tag that has moved, with both digests', async () => {
    const { resolver, check, known } = setUp();
    known();
    resolver.now(TAG, digestOfB);
    const verdict = await check('alpine:3.16');
    expect(verdict).toMatchObject({
      kind: 'deny',
      denial: { reason: 'TAG_MOVED', expected: digestOfA, actual: digestOfB },
    });
    expect('denial' in verdict && verdict.denial.message).toBe(
      [
        `tag moved: ${TAG}`,
        `  recorded ${digestOfA}  2026-11-02`,
        `  now      ${digestOfB}`,
        `use the recorded digest, publish a new tag, or accept the move: tagseal accept ${TAG}@${digestOfB} --reason "..."`,
      ].join('\n'),
    );
  });

  it('pins the recorded digest of a moved tag where the rule says pinRecorded, and notes the move', async () => {
    const { resolver, check, known } = setUp({ onMoved: 'pinRecorded' });
    known();
    resolver.now(TAG, digestOfB);
    expect(await check('alpine:3.16')).toMatchObject({
      kind: 'admit',
      pin: digestOfA,
      notes: [{ kind: 'runsRecorded', denial: { reason: 'TAG_MOVED' } }],
    });
  });

  it('admits the recorded digest written beside the tag, wherever the tag points by now, without asking', async () => {
    const { resolver, check, known } = setUp();
    known();
    resolver.now(TAG, digestOfB);
    expect(await check(`alpine:3.16@${digestOfA}`)).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it('denies a digest beside the tag that the tag was not recorded with', async () => {
    const { resolver, check, known } = setUp();
    known();
    resolver.now(TAG, digestOfB);
    expect(reasonOf(await check(`alpine:3.16@${digestOfB}`))).toBe('DIGEST_NOT_RECORDED');
  });

  it('denies a digest beside a new tag that the registry does not confirm, and records nothing', async () => {
    const { ledger, resolver, check } = setUp();
    resolver.now(TAG, digestOfB);
    expect(reasonOf(await check(`alpine:3.16@${digestOfA}`))).toBe('DIGEST_NOT_RECORDED');
    expect(ledger.recorded).toEqual([]);
  });

  it('admits a reference by digest alone without any look-up', async () => {
    const { resolver, check } = setUp();
    expect(await check(`alpine@${digestOfA}`)).toMatchObject({
      kind: 'admit',
      pin: digestOfA,
      rewrite: 'none',
    });
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it('denies a text that is no reference', async () => {
    const { check } = setUp();
    expect(reasonOf(await check('UPPER/case'))).toBe('REFERENCE_INVALID');
  });

  it('records nothing in a dry run, and says that it would', async () => {
    const { ledger, resolver, check } = setUp();
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16', { mayRecord: false })).toMatchObject({
      kind: 'admit',
      pin: digestOfA,
      first: false,
      notes: [{ kind: 'wouldRecord' }],
    });
    expect(ledger.recorded).toEqual([]);
  });

  it('asks no registry when it may not resolve: a known tag is pinned, an unknown one denied', async () => {
    const { resolver, check, known } = setUp();
    const look = { mayRecord: false, mayResolve: false };
    expect(reasonOf(await check('alpine:3.16', look))).toBe('NOT_RECORDED');
    known();
    expect(await check('alpine:3.16', look)).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it('never asks the registry about a known tag under recheck: never', async () => {
    const { resolver, check, known } = setUp({ recheck: 'never' });
    known();
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(resolver.calls).toEqual({ fetch: 0, recheck: 0 });
  });

  it.each(ERROR_CODES.filter(isUnavailable))(
    'pins a known tag and says so when the recheck fails with %s',
    async (code) => {
      const { resolver, check, known } = setUp();
      known();
      resolver.now(TAG, code);
      expect(await check('alpine:3.16')).toMatchObject({
        kind: 'admit',
        pin: digestOfA,
        notes: [{ kind: 'notRechecked', code }],
      });
    },
  );

  it.each(ERROR_CODES.filter((code) => !isUnavailable(code) && code !== 'INTERNAL'))(
    'denies a known tag whose recheck fails with %s: that is no outage',
    async (code) => {
      const { resolver, check, known } = setUp({ onUnresolvable: 'warn' });
      known();
      resolver.now(TAG, code);
      expect(await check('alpine:3.16')).toMatchObject({ kind: 'deny', denial: { reason: code } });
    },
  );

  it('denies a known tag that cannot be rechecked where the rule says deny', async () => {
    const { resolver, check, known } = setUp({ onUnresolvable: 'deny' });
    known();
    resolver.now(TAG, 'REGISTRY_UNAVAILABLE');
    expect(reasonOf(await check('alpine:3.16'))).toBe('REGISTRY_UNAVAILABLE');
  });

  const unknownTag: readonly (readonly [string, ErrorCode, Verdict['kind']])[] = [
    ['pinRecorded', 'REGISTRY_UNAVAILABLE', 'deny'],
    ['deny', 'REGISTRY_UNAVAILABLE', 'deny'],
    ['warn', 'REGISTRY_UNAVAILABLE', 'report'],
    ['warn', 'DIGEST_MISMATCH', 'deny'],
    ['warn', 'ADDRESS_FORBIDDEN', 'deny'],
  ];
  it.each(unknownTag)(
    'with onUnresolvable: %s answers an unknown tag and %s with %s',
    async (rule, code, kind) => {
      const { ledger, resolver, check } = setUp({ onUnresolvable: rule });
      resolver.now(TAG, code);
      expect(await check('alpine:3.16')).toMatchObject({ kind, denial: { reason: code } });
      expect(ledger.recorded).toEqual([]);
    },
  );

  it.each([
    'RECORD_INVALID',
    'RECORD_LOST',
    'STORE_UNAVAILABLE',
    'LOG_PROOF_INVALID',
    'IDENTITY_MISMATCH',
  ] as const)('denies when the ledger answers %s, and never takes that for an unknown tag', async (fail) => {
    const { ledger, resolver, check } = setUp({ onUnresolvable: 'warn' });
    ledger.behave({ fail });
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'deny', denial: { reason: fail } });
    expect(resolver.calls.fetch).toBe(0);
  });

  it('passes on for how long the registry wants to be left alone', async () => {
    const { resolver, check } = setUp();
    resolver.now(TAG, 'REGISTRY_RATE_LIMITED');
    expect(await check('alpine:3.16')).toMatchObject({ denial: { retryAfterSeconds: 7 } });
  });

  it('asks to come again while a new tag is being published', async () => {
    const { ledger, resolver, check } = setUp();
    ledger.behave('pending');
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'pending', retryAfterSeconds: 1 });
  });

  it('finishes a reservation that an earlier try left behind', async () => {
    const { ledger, resolver, check, known } = setUp();
    known(digestOfA, false);
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'admit', pin: digestOfA });
    expect(ledger.recorded).toHaveLength(1);
  });

  it('denies a new tag while the log is down, unless the rule takes the reservation', async () => {
    const strict = setUp();
    strict.ledger.behave('outage');
    strict.resolver.now(TAG, digestOfA);
    expect(reasonOf(await strict.check('alpine:3.16'))).toBe('LOG_UNAVAILABLE');

    const lenient = setUp({ onLogUnavailable: 'admitReserved' });
    lenient.ledger.behave('outage');
    lenient.resolver.now(TAG, digestOfA);
    expect(await lenient.check('alpine:3.16')).toMatchObject({
      kind: 'admit',
      pin: digestOfA,
      notes: [{ kind: 'notLoggedYet' }],
    });
  });

  it('admits on the reservation where recording is deferred, and notes it', async () => {
    const { ledger, resolver, check } = setUp({ recording: 'deferred' });
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16')).toMatchObject({ kind: 'admit', notes: [{ kind: 'notLoggedYet' }] });
    expect(ledger.recorded[0]?.waitFor).toBe('reserved');
  });

  it('does not judge a reservation as recorded for somebody who may only look', async () => {
    const { resolver, check, known } = setUp();
    known(digestOfA, false);
    resolver.now(TAG, digestOfA);
    expect(await check('alpine:3.16', { mayRecord: false })).toMatchObject({ kind: 'pending' });
  });

  it.each(['warn', 'audit'] as const)('reports instead of denying in mode %s', async (mode) => {
    const { resolver, check, known } = setUp({ mode });
    known();
    resolver.now(TAG, digestOfB);
    expect(await check('alpine:3.16')).toMatchObject({
      kind: 'report',
      mode,
      denial: { reason: 'TAG_MOVED' },
    });
  });

  it('exempts everything in mode off, from the rule or from the asker', async () => {
    expect(await setUp({ mode: 'off' }).check('alpine:3.16')).toMatchObject({ kind: 'exempt' });
    expect(await setUp().check('alpine:3.16', { mode: 'off' })).toMatchObject({ kind: 'exempt' });
  });

  it('asks what somebody else has accepted meanwhile before it refuses a moved tag', async () => {
    const { ledger, resolver, check, known } = setUp();
    known();
    ledger.putElsewhere({ record: sampleRecord(TAG, { digest: digestOfB, generation: 1 }), logged: true });
    resolver.now(TAG, digestOfB);
    const accepted = { kind: 'admit', pin: digestOfB, first: false, record: { generation: 1 } };
    expect(await check('alpine:3.16')).toMatchObject(accepted);
    // what another replica has pinned, at the door that asks no registry
    const look = { mayRecord: false, mayResolve: false };
    expect(await check(`alpine:3.16@${digestOfB}`, look)).toMatchObject(accepted);
  });

  it('goes on with the record that it knows where the store has none any more', async () => {
    const { ledger, resolver, check, known } = setUp();
    known();
    ledger.latest = () => Promise.resolve(undefined);
    resolver.now(TAG, digestOfB);
    expect(reasonOf(await check('alpine:3.16', { mayRecord: false }))).toBe('TAG_MOVED');
  });

  it('says of a sha512 digest beside a tag that only sha256 is recorded', async () => {
    const { resolver, check, known } = setUp();
    known();
    resolver.now(TAG, digestOfA);
    const verdict = await check(`alpine:3.16@sha512:${'a'.repeat(128)}`);
    expect(reasonOf(verdict)).toBe('DIGEST_NOT_RECORDED');
    expect('denial' in verdict && verdict.denial.message).toBe(
      [
        `digest cannot be compared: ${TAG}`,
        `  recorded ${digestOfA}  2026-11-02`,
        `  written  sha512:${'a'.repeat(128)}`,
        'only sha256 is recorded: write that digest, or leave the tag out to use yours alone',
      ].join('\n'),
    );
  });

  it('keeps the text of an unexpected error to itself and gives its id', async () => {
    const { ledger, resolver, incidents, check } = setUp();
    const secret = new TypeError('password=hunter2');
    ledger.find = () => Promise.reject(secret);
    resolver.now(TAG, digestOfA);
    const verdict = await check('alpine:3.16');
    expect(verdict).toMatchObject({ kind: 'deny', denial: { reason: 'INTERNAL' } });
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
    expect('denial' in verdict && verdict.denial.message).toContain('incident-1');
    expect(incidents).toEqual([secret]);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Verdict } from '../../../src/check/verdict.ts';
import { admissionSetup, podWith, reviewOf } from '../../support/admission-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { admit, moved, scriptedCheck, tagReference } from '../../support/verdicts.ts';

const API = 'ghcr.io/acme/api:1.4.2';
const PINNED = `${API}@${digestOfA}`;
const notRecorded: Verdict = {
  kind: 'deny',
  reference: tagReference(PINNED),
  denial: { reason: 'NOT_RECORDED', message: `not recorded: ${API}` },
};

describe('/validate', () => {
  it('asks no registry and records nothing', async () => {
    const check = scriptedCheck({});
    await admissionSetup(check.checkImage).ask('validate', reviewOf({ object: podWith(PINNED) }));
    expect(check.calls).toMatchObject([{ context: { mayRecord: false, mayResolve: false } }]);
  });

  it('allows what carries the recorded digest, without a patch', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const answer = await ask('validate', reviewOf({ object: podWith(PINNED, `alpine@${digestOfB}`) }));
    expect(answer.allowed).toBe(true);
    expect(answer).not.toHaveProperty('patch');
  });

  it('denies what is covered and carries no digest', async () => {
    const setup = admissionSetup(scriptedCheck({}).checkImage);
    const answer = await setup.ask('validate', reviewOf({ object: podWith(API) }));
    expect(answer.allowed).toBe(false);
    expect(answer.status?.details?.causes).toMatchObject([
      { field: 'spec.containers[0].image', reason: 'NOT_PINNED' },
    ]);
    expect(await setup.exposition()).toContain('verdict="deny",reason="NOT_PINNED"} 1');
  });

  it('denies a digest that is not the one to run', async () => {
    const text = `${API}@${digestOfB}`;
    const { ask } = admissionSetup(scriptedCheck({}, () => admit(text, { pin: digestOfA })).checkImage);
    expect((await ask('validate', reviewOf({ object: podWith(text) }))).allowed).toBe(false);
  });

  it('allows an image without a digest where the rule says rewrite none', async () => {
    const { ask } = admissionSetup(scriptedCheck({}, (text) => admit(text, { rewrite: 'none' })).checkImage);
    expect((await ask('validate', reviewOf({ object: podWith(API) }))).allowed).toBe(true);
  });

  it.each([
    ['exempt', { kind: 'exempt', reference: tagReference(API), why: 'rule' }],
    ['reported', { ...moved(API), kind: 'report', mode: 'warn' }],
  ] as const)('lets an image pass that is %s', async (_title, verdict) => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: verdict }).checkImage);
    expect((await ask('validate', reviewOf({ object: podWith(API) }))).allowed).toBe(true);
  });

  it('denies what nobody recorded', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [PINNED]: notRecorded }).checkImage);
    const answer = await ask('validate', reviewOf({ object: podWith(PINNED) }));
    expect(answer.status?.details?.causes).toMatchObject([{ reason: 'NOT_RECORDED' }]);
  });

  it('allows in a dry run what /mutate has just promised to record', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [PINNED]: notRecorded }).checkImage);
    const answer = await ask('validate', reviewOf({ object: podWith(PINNED), dryRun: true }));
    expect(answer.allowed).toBe(true);
    expect(answer.warnings?.[0]).toMatch(/would be recorded$/);
  });

  it.each([
    [true, true, 'DIGEST_NOT_RECORDED', true],
    [true, false, 'DIGEST_NOT_RECORDED', false],
    [false, true, 'DIGEST_NOT_RECORDED', false],
    [true, true, 'RECORD_LOST', false],
  ] as const)(
    'with dryRun %s and a tracked tag: %s, a denial with %s is allowed: %s',
    async (dryRun, isTracked, reason, isAllowed) => {
      const denial = { reason, message: `digest is not the tag's: ${API}` };
      const verdict: Verdict = { kind: 'deny', denial, ...(isTracked && { tracked: true }) };
      const { ask } = admissionSetup(scriptedCheck({ [PINNED]: verdict }).checkImage);
      const answer = await ask('validate', reviewOf({ object: podWith(PINNED), dryRun }));
      expect(answer.allowed).toBe(isAllowed);
      expect(answer.warnings).toEqual(isAllowed ? [expect.stringMatching(/would be recorded$/)] : undefined);
    },
  );

  it.each([
    ['enforce', false, undefined],
    ['warn', true, [`${API} is not pinned; its rule only warns`]],
    ['audit', true, undefined],
  ] as const)('in mode %s lets an image pass that lost its pin: %s', async (mode, isAllowed, warnings) => {
    const { ask } = admissionSetup(scriptedCheck({}, (text) => admit(text, { mode })).checkImage);
    const answer = await ask('validate', reviewOf({ object: podWith(API) }));
    expect([answer.allowed, answer.warnings]).toEqual([isAllowed, warnings]);
  });

  it('denies a moved tag in a dry run, too', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage);
    expect((await ask('validate', reviewOf({ object: podWith(API), dryRun: true }))).allowed).toBe(false);
  });
});

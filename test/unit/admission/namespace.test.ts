import { describe, expect, it } from '@jest/globals';
import type { NamespaceLookup } from '../../../src/admission/namespace.ts';
import { makeCheckImage } from '../../../src/check/check-image.ts';
import type { Note } from '../../../src/check/verdict.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { parsePolicy } from '../../../src/policy/parse-policy.ts';
import { compilePolicy } from '../../../src/policy/rule-for.ts';
import { admissionSetup, podWith, reviewOf } from '../../support/admission-setup.ts';
import { makeMemoryLedger } from '../../support/memory-ledger.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeScriptedResolver } from '../../support/scripted-registry.ts';
import { admit, scriptedCheck } from '../../support/verdicts.ts';

const API = 'ghcr.io/acme/api:1.4.2';
const DOORS = ['mutate', 'validate', 'warn'] as const;
const review = reviewOf({ object: podWith(API) });

function labelled(labels: Readonly<Record<string, string>>): NamespaceLookup {
  return { labelsOf: async () => labels };
}

/** The real core over a tag that is recorded as A and now is B, in a namespace with this label. */
function movedIn(mode: string | undefined, rule: Readonly<Record<string, unknown>> = {}) {
  const ledger = makeMemoryLedger();
  ledger.put({ record: sampleRecord(API, { digest: digestOfA }), logged: true });
  const resolver = makeScriptedResolver();
  resolver.now(API, digestOfB);
  const policy = compilePolicy(parsePolicy([{ match: { images: ['**'] }, ...rule }]));
  const checkImage = makeCheckImage({ policy: () => policy, ledger, resolver, incident: String });
  const namespaces = labelled(mode === undefined ? { team: 'a' } : { 'tagseal.dev/mode': mode });
  return { ...admissionSetup(checkImage, { namespaces }), resolver };
}

describe('the label tagseal.dev/mode', () => {
  it.each<[string | undefined, string, boolean, number]>([
    [undefined, 'enforce', false, 0],
    ['enforce', 'enforce', false, 0],
    ['warn', 'enforce', true, 1],
    ['audit', 'enforce', true, 0],
    ['off', 'enforce', true, 0],
    ['enforce', 'warn', true, 1],
    ['audit', 'warn', true, 0],
    ['warn', 'audit', true, 0],
    ['enforce', 'off', true, 0],
    ['', 'enforce', false, 1],
    ['Off', 'enforce', false, 1],
    ['enfroce', 'enforce', false, 1],
  ])(
    '%p under a rule in mode %s lets a moved tag pass: %s, with %i warnings',
    async (label, mode, allowed, count) => {
      const answer = await movedIn(label, { mode }).ask('mutate', review);
      expect([answer.allowed, answer.warnings?.length ?? 0]).toEqual([allowed, count]);
      expect(answer).not.toHaveProperty('patch');
    },
  );

  it('asks nobody about an image where it is off', async () => {
    const check = scriptedCheck({});
    const { ask } = admissionSetup(check.checkImage, { namespaces: labelled({ 'tagseal.dev/mode': 'off' }) });
    for (const door of DOORS) {
      expect(await ask(door, review)).toMatchObject({
        allowed: true,
        auditAnnotations: { decision: 'allow', mode: 'off' },
      });
    }
    expect(check.calls).toEqual([]);
  });

  it.each<readonly Note[]>([
    [{ kind: 'notRechecked', code: 'REGISTRY_UNAVAILABLE', message: 'x' }],
    [{ kind: 'wouldRecord' }],
    [{ kind: 'runsRecorded', denial: { reason: 'TAG_MOVED', message: 'x' } }],
  ])('that audits never warns, not even of $kind', async (note) => {
    const { checkImage } = scriptedCheck({}, (text) => admit(text, { mode: 'audit', notes: [note] }));
    const { ask } = admissionSetup(checkImage);
    for (const dryRun of [false, true]) {
      for (const door of DOORS) {
        const answer = await ask(door, reviewOf({ object: podWith(`${API}@${digestOfA}`), dryRun }));
        expect(answer.allowed).toBe(true);
        expect(answer).not.toHaveProperty('warnings');
      }
    }
  });

  it('is named in one short line when its value is no mode, once for a Pod', async () => {
    const value = 'x'.repeat(63);
    const { checkImage } = scriptedCheck({}, (text) => admit(`${text}@${digestOfA}`));
    const { ask } = admissionSetup(checkImage, { namespaces: labelled({ 'tagseal.dev/mode': value }) });
    const [warning = ''] = (await ask('mutate', review)).warnings ?? [];
    expect(warning).toContain('tagseal.dev/mode');
    expect(warning).toMatch(/enforce is used$/);
    expect(warning.length).toBeLessThanOrEqual(120);
    expect(await ask('validate', review)).not.toHaveProperty('warnings');
  });

  it.each(DOORS)('refuses at /%s in words when it cannot be read', async (door) => {
    const namespaces: NamespaceLookup = {
      labelsOf: () => Promise.reject(new AppError({ code: 'KUBERNETES_UNAVAILABLE', message: 'told to' })),
    };
    const check = scriptedCheck({});
    const { allowed, status } = await admissionSetup(check.checkImage, { namespaces }).ask(door, review);
    expect([allowed, status?.code]).toEqual([false, 403]);
    expect(status?.message).toContain('the labels of namespace "shop" cannot be read: told to');
    expect(check.calls).toEqual([]);
  });

  it('shows nothing of an error that nobody expected', async () => {
    const namespaces: NamespaceLookup = { labelsOf: () => Promise.reject(new Error('secret')) };
    const { status } = await admissionSetup(scriptedCheck({}).checkImage, { namespaces }).ask(
      'mutate',
      review,
    );
    expect(status?.code).toBe(500);
    expect(status?.message).not.toContain('secret');
  });
});

describe('the namespace of a review', () => {
  it('is told to the core by name and labels', async () => {
    const check = scriptedCheck({});
    const { ask } = admissionSetup(check.checkImage, { namespaces: labelled({ stage: 'prod' }) });
    await ask('mutate', review);
    expect(check.calls).toMatchObject([
      { context: { namespace: { name: 'shop', labels: { stage: 'prod' } } } },
    ]);
    expect(check.calls[0]?.context).not.toHaveProperty('mode');
  });

  it('is not looked up outside a cluster', async () => {
    const check = scriptedCheck({});
    await admissionSetup(check.checkImage).ask('mutate', review);
    expect(check.calls[0]?.context).not.toHaveProperty('namespace');
  });
});

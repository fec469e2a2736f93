import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CheckContext, Verdict } from '../../../src/check/verdict.ts';
import { admissionSetup, applyPatch, pod, podWith, reviewOf, UID } from '../../support/admission-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { admit, moved, scriptedCheck } from '../../support/verdicts.ts';

const API = 'ghcr.io/acme/api:1.4.2';

function pending(text: string): Verdict {
  const { reference, record } = moved(text);
  if (reference === undefined || record === undefined) throw new Error('no record');
  return { kind: 'pending', reference, record, retryAfterSeconds: 0.4 };
}

describe('/mutate', () => {
  it('pins every kind of image of a new Pod by test and replace on its exact path', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const object = pod({
      containers: [{ name: 'a', image: 'alpine:3.16' }],
      initContainers: [{ name: 'b', image: 'busybox', restartPolicy: 'Always' }],
      ephemeralContainers: [{ name: 'c', image: 'localhost:5000/debug:1' }],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', image: { reference: 'ghcr.io/acme/data:1' } },
      ],
    });
    const answer = await ask('mutate', reviewOf({ object }));
    expect(answer).toMatchObject({ httpStatus: 200, uid: UID, allowed: true, patchType: 'JSONPatch' });
    const replaced = answer.patch
      ?.filter(({ op }) => op === 'replace')
      .map(({ path, value }) => [path, value]);
    expect(replaced).toEqual([
      ['/spec/containers/0/image', `alpine:3.16@${digestOfA}`],
      ['/spec/initContainers/0/image', `busybox:latest@${digestOfA}`],
      ['/spec/ephemeralContainers/0/image', `localhost:5000/debug:1@${digestOfA}`],
      ['/spec/volumes/1/image/reference', `ghcr.io/acme/data:1@${digestOfA}`],
    ]);
    expect(answer.patch?.filter(({ op }) => op === 'test').map(({ value }) => value)).toEqual([
      'alpine:3.16',
      'busybox',
      'localhost:5000/debug:1',
      'ghcr.io/acme/data:1',
    ]);
    expect(() => applyPatch(object, answer.patch)).not.toThrow();
  });

  it('has nothing left to do when it is called again', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const object = podWith('alpine:3.16', 'busybox');
    const first = await ask('mutate', reviewOf({ object }));
    const again = await ask('mutate', reviewOf({ object: applyPatch(object, first.patch) }));
    expect(again.allowed).toBe(true);
    expect(again).not.toHaveProperty('patch');
    expect(again).not.toHaveProperty('patchType');
    expect(again.auditAnnotations).toEqual(first.auditAnnotations);
  });

  it('has nothing left to do the second time, whatever the Pod', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const name = fc.constantFrom('alpine', 'acme/api', 'ghcr.io/acme/api', 'localhost:5000/x');
    const suffix = fc.constantFrom('', ':1', ':1.4.2-rc', `@${digestOfB}`, `:1@${digestOfB}`);
    const images = fc.array(
      fc.tuple(name, suffix).map(([one, other]) => one + other),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(images, images, images, async (one, two, three) => {
        const list = (texts: readonly string[]) => texts.map((image, i) => ({ name: `c${i}`, image }));
        const volumes = three.map((reference, i) => ({ name: `v${i}`, image: { reference } }));
        const object = pod({ containers: list(one), initContainers: list(two), volumes });
        const first = await ask('mutate', reviewOf({ object }));
        const again = await ask('mutate', reviewOf({ object: applyPatch(object, first.patch) }));
        expect([first.allowed, again.allowed, again.patch]).toEqual([true, true, undefined]);
      }),
      { numRuns: 50 },
    );
  });

  it.each(['tagDigest', 'digest', 'none'] as const)('rewrites as the rule says: %s', async (rewrite) => {
    const { checkImage } = scriptedCheck({}, (text) => admit(text, { rewrite }));
    const { ask } = admissionSetup(checkImage);
    const { patch } = await ask('mutate', reviewOf({ object: podWith('alpine:3.16') }));
    const expected = {
      tagDigest: `alpine:3.16@${digestOfA}`,
      digest: `alpine@${digestOfA}`,
      none: undefined,
    };
    expect(patch?.at(-1)?.value).toBe(expected[rewrite]);
  });

  it('denies a moved tag with the text of the design', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage);
    const answer = await ask('mutate', reviewOf({ object: podWith(API) }));
    expect(answer).toMatchObject({ httpStatus: 200, uid: UID, allowed: false });
    expect(answer.status).toMatchObject({ status: 'Failure', code: 403, reason: 'Forbidden' });
    expect(answer.status?.message).toBe(
      [
        `tag moved: ${API} (spec.containers[0].image)`,
        `  recorded ${digestOfA}  2026-11-02, log index 48210377`,
        `  now      ${digestOfB}`,
        `use the recorded digest, publish a new tag, or accept the move: tagseal accept ${API}@${digestOfB} --reason "..."`,
      ].join('\n'),
    );
    expect(answer).not.toHaveProperty('patch');
  });

  it('names every denied image in spec order, and equal ones together', async () => {
    const other = 'alpine:3';
    const check = scriptedCheck({ [API]: moved(API), [other]: moved(other) });
    const { ask } = admissionSetup(check.checkImage);
    const { status } = await ask('mutate', reviewOf({ object: podWith(API, 'busybox:1', other, API) }));
    expect(status?.details?.causes).toMatchObject([
      { field: 'spec.containers[0].image', reason: 'TAG_MOVED' },
      { field: 'spec.containers[2].image', reason: 'TAG_MOVED' },
      { field: 'spec.containers[3].image', reason: 'TAG_MOVED' },
    ]);
    const message = status?.message ?? '';
    expect(message).toContain(`${API} (spec.containers[0].image, spec.containers[3].image)\n`);
    expect(message.indexOf(API)).toBeLessThan(message.indexOf('alpine:3 (spec.containers[2].image)'));
    expect(check.calls).toHaveLength(3);
  });

  it('answers 429 with a whole number of seconds while a tag is being recorded', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: pending(API) }).checkImage);
    const { allowed, status } = await ask('mutate', reviewOf({ object: podWith(API) }));
    expect(allowed).toBe(false);
    expect(status).toMatchObject({ code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } });
  });

  it('lets a denial win over a tag that is being recorded', async () => {
    const check = scriptedCheck({ [API]: pending(API), 'a:1': moved('a:1') });
    const { status } = await admissionSetup(check.checkImage).ask(
      'mutate',
      reviewOf({ object: podWith(API, 'a:1') }),
    );
    expect(status?.code).toBe(403);
  });

  it.each([
    ['INTERNAL', 500],
    ['LOG_UNAVAILABLE', 403],
    ['REFERENCE_INVALID', 403],
    ['DEADLINE_EXCEEDED', 403],
  ] as const)('denies %s with %i and without Retry-After', async (reason, code) => {
    const denial = { reason, message: `no verdict for "${API}": because` };
    const check = scriptedCheck({ [API]: { kind: 'deny', denial } });
    const { status } = await admissionSetup(check.checkImage).ask(
      'mutate',
      reviewOf({ object: podWith(API) }),
    );
    expect(status?.code).toBe(code);
    expect(status?.details).not.toHaveProperty('retryAfterSeconds');
  });

  it.each([
    ['LOG_UNAVAILABLE', 'warn'],
    ['STORE_UNAVAILABLE', 'warn'],
    ['REGISTRY_UNAVAILABLE', 'warn'],
    ['DEADLINE_EXCEEDED', 'warn'],
    ['REGISTRY_UNAUTHORIZED', 'info'],
    ['RECORD_LOST', 'info'],
  ] as const)('logs a denial with %s at %s, let through or not', async (reason, level) => {
    const denial = { reason, message: 'because' };
    const verdicts: readonly Verdict[] = [
      { kind: 'deny', denial },
      { kind: 'report', mode: 'audit', denial },
    ];
    for (const verdict of verdicts) {
      const { ask, lines } = admissionSetup(scriptedCheck({ [API]: verdict }).checkImage);
      await ask('mutate', reviewOf({ object: podWith(API) }));
      expect(lines()[0]).toMatchObject({ reason, level });
    }
  });

  it('writes into the audit log why each container was denied, in full digests', async () => {
    const { ask } = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage);
    const { auditAnnotations } = await ask('mutate', reviewOf({ object: podWith('alpine:3.16', API) }));
    expect(auditAnnotations).toEqual({
      decision: 'deny',
      'image-c0': `${digestOfA} log index 48210377`,
      'image-c1': `TAG_MOVED recorded ${digestOfA} got ${digestOfB}`,
    });
  });

  it('names the rules that decided, each once, in the audit log and on the line of an image', async () => {
    const images = ['ghcr.io/acme/a:1', 'ghcr.io/acme/b:1', 'ghcr.io/acme/c:1'];
    const rules = ['ours', 'everything', 'ours'];
    const verdicts = images.map((image, i) => [image, { ...moved(image), rule: rules[i] ?? '' }] as const);
    const { ask, lines } = admissionSetup(scriptedCheck(Object.fromEntries(verdicts)).checkImage);
    const { auditAnnotations } = await ask('mutate', reviewOf({ object: podWith(...images) }));
    expect(auditAnnotations).toMatchObject({ policy: 'ours, everything' });
    expect(
      lines()
        .slice(0, 3)
        .map(({ rule }) => rule),
    ).toEqual(rules);
  });

  it.each(['exempt', 'audit', 'warn'] as const)('lets an image in mode %s pass unpinned', async (mode) => {
    const { reference, record, denial } = moved(API);
    const exempt: Verdict = { kind: 'exempt', reference: admittedReference(), why: 'the rule says so' };
    const report: Verdict = {
      kind: 'report',
      mode: mode === 'audit' ? 'audit' : 'warn',
      denial,
      ...(reference && { reference }),
      ...(record && { record }),
    };
    const setup = admissionSetup(scriptedCheck({ [API]: mode === 'exempt' ? exempt : report }).checkImage);
    const answer = await setup.ask('mutate', reviewOf({ object: podWith(API) }));
    expect(answer.allowed).toBe(true);
    expect(answer).not.toHaveProperty('patch');
    expect(answer.warnings).toEqual(
      mode === 'warn' ? [`${API} moved since 2026-11-02; its rule only warns`] : undefined,
    );
  });

  it('records on a real request and not in a dry run, and then says so', async () => {
    const contexts: CheckContext[] = [];
    const { ask } = admissionSetup(async (text, context) => {
      contexts.push(context);
      return admit(text, { notes: context.mayRecord ? [] : [{ kind: 'wouldRecord' }] });
    });
    await ask('mutate', reviewOf({ object: podWith(API) }));
    const dry = await ask('mutate', reviewOf({ object: podWith(API), dryRun: true }));
    expect(contexts).toMatchObject([
      { origin: 'admission', mayRecord: true, mayResolve: true },
      { origin: 'admission', mayRecord: false, mayResolve: true },
    ]);
    expect(dry.warnings).toEqual([`${API} would be recorded`]);
    expect(dry.patch).toHaveLength(2);
  });

  it('keeps warnings to eight of 120 characters', async () => {
    const notes = [{ kind: 'notRechecked', code: 'REGISTRY_UNAVAILABLE', message: 'x' }] as const;
    const { ask } = admissionSetup(scriptedCheck({}, (text) => admit(text, { notes })).checkImage);
    const images = Array.from({ length: 12 }, (_, i) => `ghcr.io/${'long/'.repeat(30)}app${i}:1`);
    const { warnings = [], allowed } = await ask(
      'mutate',
      reviewOf({ object: podWith(...images, ...images) }),
    );
    expect(allowed).toBe(true);
    expect(warnings.length).toBeLessThanOrEqual(8);
    for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(120);
    expect(warnings[0]).toContain('not rechecked (REGISTRY_UNAVAILABLE)');
  });

  it('writes the recorded digest of each container into the audit log', async () => {
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    const { auditAnnotations } = await ask('mutate', reviewOf({ object: podWith(API) }));
    expect(auditAnnotations).toEqual({ decision: 'allow', 'image-c0': `${digestOfA} log index 48210377` });
  });

  it('logs one line for a review of known tags, and one more for each denied image', async () => {
    const setup = admissionSetup(scriptedCheck({ [API]: moved(API) }).checkImage);
    await setup.ask('mutate', reviewOf({ object: podWith('alpine:3.16', 'busybox') }));
    expect(setup.lines()).toMatchObject([{ event: 'admission.answered', verdict: 'allow', images: 2 }]);
    await setup.ask('mutate', reviewOf({ object: podWith(API) }));
    expect(setup.lines().slice(1)).toMatchObject([
      { event: 'image.denied', uid: UID, reason: 'TAG_MOVED', expected: digestOfA, actual: digestOfB },
      { event: 'admission.answered', verdict: 'deny' },
    ]);
    expect(await setup.exposition()).toContain(
      'tagseal_verdicts_total{door="mutate",verdict="deny",reason="TAG_MOVED"} 1',
    );
  });
});

function admittedReference() {
  const verdict = admit(API);
  if (verdict.kind !== 'admit') throw new Error('not admitted');
  return verdict.reference;
}

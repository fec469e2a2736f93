import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Door } from '../../../src/admission/outcome.ts';
import { hasDuplicateKeys } from '../../../src/admission/duplicate-keys.ts';
import { parseReviewJson } from '../../../src/admission/review.ts';
import {
  admissionSetup,
  pod,
  podWith,
  readAnswer,
  reviewOf,
  UID,
  type Json,
} from '../../support/admission-setup.ts';
import { scriptedCheck } from '../../support/verdicts.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const good = reviewOf({ object: podWith('a:1') });
const request = good['request'] as Json;

describe('a review that cannot be judged', () => {
  it.each<readonly [string, Json]>([
    ['another version', { ...good, apiVersion: 'admission.k8s.io/v1beta1' }],
    ['another kind', { ...good, kind: 'Review' }],
    ['no version', { kind: 'AdmissionReview', request }],
    ['an unknown operation', reviewOf({ operation: 'PATCH' })],
    ['no kind of object', reviewOf({ kind: null })],
    ['a kind without images', reviewOf({ kind: { group: '', kind: 'ConfigMap' }, object: {} })],
    ['no object', reviewOf({ object: null })],
    ['an object that is a list', reviewOf({ object: [] })],
    ['an old object that is a text', reviewOf({ operation: 'UPDATE', object: podWith(), oldObject: 'x' })],
    ['a spec that is a text', reviewOf({ object: { spec: 'x' } })],
    ['containers that are no list', reviewOf({ object: pod({ containers: {} }) })],
    ['a container that is a text', reviewOf({ object: pod({ containers: ['a:1'] }) })],
    ['an image that is a number', reviewOf({ object: pod({ containers: [{ image: 1 }] }) })],
    ['an image that is a list', reviewOf({ object: pod({ containers: [{ image: ['a:1'] }] }) })],
    ['an image of 5000 characters', reviewOf({ object: podWith('a'.repeat(5000)) })],
    ['an image volume that is a text', reviewOf({ object: pod({ volumes: [{ image: 'a:1' }] }) })],
    ['129 images', reviewOf({ object: podWith(...Array.from({ length: 129 }, (_, i) => `a:${i}`)) })],
  ])('is denied with its uid: %s', async (_title, review) => {
    const check = scriptedCheck({});
    const setup = admissionSetup(check.checkImage);
    const answer = await setup.ask('mutate', review);
    expect(answer).toMatchObject({
      httpStatus: 200,
      uid: UID,
      allowed: false,
      status: { code: 400, reason: 'BadRequest' },
    });
    expect(check.calls).toEqual([]);
    expect(setup.lines()).toMatchObject([
      { level: 'warn', event: 'admission.failed', code: 'REVIEW_INVALID' },
    ]);
  });

  it('is denied on /mutate when it is a workload', async () => {
    const review = reviewOf({ kind: { group: 'apps', kind: 'Deployment' }, object: {} });
    const { ask } = admissionSetup(scriptedCheck({}).checkImage);
    expect((await ask('mutate', review)).status?.code).toBe(400);
    expect((await ask('warn', review)).allowed).toBe(true);
  });

  it.each([
    '',
    'x',
    '[]',
    'null',
    '{}',
    '{"request":null}',
    '{"request":{"uid":""}}',
    '{"request":{"uid":5}}',
    JSON.stringify({ ...good, request: { ...request, uid: 'x'.repeat(129) } }),
  ])('is refused with HTTP 400 when no uid can be read: %.40s', async (text) => {
    const { handleReview } = admissionSetup(scriptedCheck({}).checkImage);
    const { status, body } = await handleReview('mutate', Buffer.from(text), '/mutate');
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: 'REVIEW_INVALID' });
  });

  it('is denied with an id and without the text when the check breaks its promise', async () => {
    const setup = admissionSetup(() => Promise.reject(new TypeError('secret detail')));
    const answer = await setup.ask('mutate', good);
    expect(answer).toMatchObject({ uid: UID, allowed: false, status: { code: 500 } });
    expect(answer.status?.message).toContain(UID);
    expect(JSON.stringify(answer)).not.toContain('secret detail');
    expect(setup.lines()).toMatchObject([{ level: 'error', event: 'admission.failed' }]);
  });

  it('is denied when an image is left without a verdict', async () => {
    const setup = admissionSetup(scriptedCheck({}).checkImage);
    const review = Buffer.from(JSON.stringify(good));
    const { makeHandleReview } = await import('../../../src/admission/handler.ts');
    const handleReview = makeHandleReview({
      ...setup,
      workloads: 'warn',
      checkWorkload: async () => new Map(),
    });
    const { status, body } = await handleReview('mutate', review, '/mutate');
    expect(readAnswer(status, body)).toMatchObject({ allowed: false, status: { code: 500 } });
  });
});

describe('a review with a key twice', () => {
  const text = JSON.stringify(good);
  it.each([
    ['in the image', text.replace('"image":', '"image":"b:1","image":')],
    ['in the containers', text.replace('"containers":', '"containers":[],"containers":')],
    ['escaped', text.replace('"image":', '"im\\u0061ge":"b:1","image":')],
    ['in the review', text.replace('"request":', '"request":{},"request":')],
    ['that every object has', text.replace('"image":', '"__proto__":{},"__proto__":{},"image":')],
  ])('%s is answered with its uid, and never allowed', async (_, twice) => {
    expect(twice).not.toBe(text);
    const { handleReview } = admissionSetup(scriptedCheck({}).checkImage);
    const { status, body } = await handleReview('mutate', Buffer.from(twice), '/mutate');
    expect(readAnswer(status, body)).toMatchObject({ uid: UID, allowed: false, status: { code: 400 } });
  });
});

describe('hasDuplicateKeys', () => {
  it('finds none in what JSON.stringify writes, and each that is put in', () => {
    // V8 13.6 may read the key `"` as `\` where an object with that key was read before: no such key means anything to us
    const key = fc
      .oneof(fc.string(), fc.constantFrom('__proto__', 'a:b', '"', 'constructor'))
      .filter((text) => !text.includes('\\'));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5 }),
      ),
    }));
    fc.assert(
      fc.property(value, key, (inner, name) => {
        const member = `${JSON.stringify(name)}:${JSON.stringify(inner)}`;
        const once = `{ ${member} , "x${name.length}other" :[1]}`;
        const twice = `{"list":[{${member},${member}}]}`;
        const found = [once, twice].map((text) => hasDuplicateKeys(Buffer.from(text), JSON.parse(text)));
        expect(found).toEqual([false, true]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseReviewJson', () => {
  it('refuses a large body that is nested too deep, and counts no brackets in texts', async () => {
    const deep = Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(await codeOf(() => parseReviewJson(deep))).toBe('REVIEW_INVALID');
    const flat = { text: `${'['.repeat(300_000)}\\"${'{'.repeat(5000)}` };
    expect(parseReviewJson(Buffer.from(JSON.stringify(flat)))).toEqual(flat);
  });

  it('reads any JSON as JSON.parse does, also when it is large', () => {
    const padding = ' '.repeat(256 * 1024);
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (json) => {
        expect(parseReviewJson(Buffer.from(padding + json))).toEqual(JSON.parse(json));
      }),
      { numRuns: 100 },
    );
  });
});

describe('any bytes', () => {
  const doors: readonly Door[] = ['mutate', 'validate', 'warn'];
  /** Never admits, so whatever is allowed was let through by mistake. */
  const deny = admissionSetup(
    scriptedCheck({}, () => ({ kind: 'deny', denial: { reason: 'INTERNAL', message: 'no' } })).checkImage,
    'deny',
  );

  it('are answered with JSON and never with a crash', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...doors), async (bytes, door) => {
        const { status, body } = await deny.handleReview(door, Buffer.from(bytes), `/${door}`);
        expect(status).toBe(400);
        expect(() => JSON.parse(body) as unknown).not.toThrow();
      }),
      { numRuns: 1500 },
    );
  });

  it('in place of any part of a good review never lead to an unjudged image', async () => {
    const junk = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom(null, '', 0, [], {}, 'UPDATE', 'DELETE ', { spec: { containers: [{ image: 'a:1' }] } }),
    );
    const paths = [
      ['apiVersion'],
      ['kind'],
      ['request', 'kind'],
      ['request', 'operation'],
      ['request', 'object'],
      ['request', 'oldObject'],
      ['request', 'object', 'metadata'],
      ['request', 'object', 'spec', 'initContainers'],
      ['request', 'object', 'spec', 'volumes'],
      ['request', 'object', 'spec', 'containers', '0', 'name'],
    ] as const;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), junk, async (path, value) => {
        const review = structuredClone(good);
        let at = review as Record<string, unknown>;
        for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
        at[path.at(-1) ?? ''] = value;
        const answer = await deny.ask('mutate', review);
        expect(answer.uid).toBe(UID);
        if (answer.allowed !== false) expect(hasImages(review)).toBe(false);
      }),
      { numRuns: 2500 },
    );
  });

  /** Whether a Pod is created that has the image. */
  function hasImages(review: Json): boolean {
    const { operation, object } = review['request'] as { operation: unknown; object?: Json };
    return operation === 'CREATE' && JSON.stringify(object).includes('a:1') && !isMirror(object);
  }

  function isMirror(object?: Json): boolean {
    return JSON.stringify(object?.['metadata'] ?? null).includes('config.mirror');
  }
});

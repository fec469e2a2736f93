import { describe, expect, it } from '@jest/globals';
import { admissionSetup, reviewOf, type Json } from '../../support/admission-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const check = scriptedCheck({});
const { ask, lines } = admissionSetup(check.checkImage);

const APPROVAL = {
  reference: 'ghcr.io/acme/api:1.4.2',
  fromDigest: digestOfA,
  toDigest: digestOfB,
  reason: 'rebuilt for CVE-2026-1',
};

function approval(spec: unknown, change: Json = {}): Json {
  return reviewOf({
    kind: { group: 'tagseal.dev', version: 'v1alpha1', kind: 'TagApproval' },
    namespace: '',
    userInfo: { username: 'alice@example.com', groups: ['dev'] },
    object: { kind: 'TagApproval', metadata: { name: 'a' }, ...(spec !== undefined && { spec }) },
    ...change,
  });
}

function policy(spec: unknown, change: Json = {}): Json {
  return reviewOf({
    kind: { group: 'tagseal.dev', version: 'v1alpha1', kind: 'TagPolicy' },
    namespace: '',
    name: 'prod',
    object: { kind: 'TagPolicy', metadata: { name: 'prod' }, spec },
    ...change,
  });
}

describe('/stamp', () => {
  it.each([
    ['leaves it out', APPROVAL],
    ['writes somebody else', { ...APPROVAL, requestedBy: 'system:admin' }],
    ['does not know what the tag means', { ...APPROVAL, fromDigest: undefined }],
  ])('writes who asks into an approval whose maker %s', async (_, spec) => {
    const answer = await ask('stamp', approval(spec));
    expect(answer).toMatchObject({ allowed: true, patchType: 'JSONPatch' });
    expect(answer.patch).toEqual([{ op: 'add', path: '/spec/requestedBy', value: 'alice@example.com' }]);
  });

  it.each<[string, unknown, string]>([
    ['no spec', undefined, 'spec'],
    ['a list for a spec', [], 'spec'],
    ['no reference', { ...APPROVAL, reference: undefined }, 'spec.reference'],
    ['a short reference', { ...APPROVAL, reference: 'alpine:3' }, 'spec.reference'],
    ['a reference without a tag', { ...APPROVAL, reference: 'ghcr.io/acme/api' }, 'spec.reference'],
    [
      'a digest in the reference',
      { ...APPROVAL, reference: `ghcr.io/acme/api:1@${digestOfA}` },
      'spec.reference',
    ],
    ['a reference that is none', { ...APPROVAL, reference: 'ghcr.io/Acme/api:1' }, 'spec.reference'],
    ['no toDigest', { ...APPROVAL, toDigest: undefined }, 'spec.toDigest'],
    ['a short toDigest', { ...APPROVAL, toDigest: 'sha256:abc' }, 'spec.toDigest'],
    ['a sha512 toDigest', { ...APPROVAL, toDigest: `sha512:${'a'.repeat(128)}` }, 'spec.toDigest'],
    ['a fromDigest that is none', { ...APPROVAL, fromDigest: 'latest' }, 'spec.fromDigest'],
    ['nothing to accept', { ...APPROVAL, toDigest: digestOfA }, 'spec.toDigest'],
    ['no reason', { ...APPROVAL, reason: '' }, 'spec.reason'],
    ['a reason of two lines', { ...APPROVAL, reason: 'a\nb' }, 'spec.reason'],
    ['a reason that is no text', { ...APPROVAL, reason: 7 }, 'spec.reason'],
  ])('refuses an approval with %s, by its field', async (_, spec, field) => {
    const { allowed, status } = await ask('stamp', approval(spec));
    expect([allowed, status?.code]).toEqual([false, 403]);
    expect(status?.details?.causes?.map((cause) => cause.field)).toEqual([field]);
    expect(status?.message).toContain(`(${field})`);
  });

  it('names the canonical form to write', async () => {
    const { status } = await ask('stamp', approval({ ...APPROVAL, reference: 'alpine' }));
    expect(status?.message).toContain('write "docker.io/library/alpine:latest" for "alpine"');
  });

  it('tells every wrong field at once', async () => {
    const { status } = await ask('stamp', approval({ ...APPROVAL, reference: 'alpine', toDigest: 'x' }));
    expect(status?.details?.causes).toHaveLength(2);
  });

  it.each([[undefined], [{}], [{ username: '' }], [{ username: 'a\nb' }], [{ username: 'x'.repeat(257) }]])(
    'refuses an approval by the user %j, who cannot be named in a record',
    async (userInfo) => {
      const { allowed, status } = await ask('stamp', approval(APPROVAL, { userInfo }));
      expect(allowed).toBe(false);
      expect(status?.details?.causes).toMatchObject([{ field: 'spec.requestedBy' }]);
    },
  );

  it.each(['UPDATE', 'DELETE'])('leaves a %s alone', async (operation) => {
    const answer = await ask('stamp', approval({}, { operation }));
    expect(answer.allowed).toBe(true);
    expect(answer).not.toHaveProperty('patch');
  });
});

describe('/policy', () => {
  const match = { images: ['**'] };

  it.each<[string, unknown, string | undefined]>([
    ['takes a sound policy', { match, mode: 'warn', priority: 3 }, undefined],
    ['refuses a mode that is none', { match, mode: 'wran' }, '"spec.mode"'],
    ['refuses a glob that is none', { match: { images: ['***'] } }, '"spec.match.images[0]"'],
    ['refuses no spec', undefined, '"spec"'],
    [
      'refuses a selector that is none',
      { match: { ...match, namespaceSelector: { matchLabel: {} } } },
      '"spec.match.namespaceSelector.matchLabel"',
    ],
  ])('%s: %j', async (_, spec, field) => {
    for (const operation of ['CREATE', 'UPDATE']) {
      const { allowed, status } = await ask('policy', policy(spec, { operation }));
      expect(allowed).toBe(field === undefined);
      if (field !== undefined) expect(status?.message).toContain(field);
      expect(status?.details?.causes?.[0]?.reason).toBe(field && 'POLICY_INVALID');
    }
  });

  it('lets the labels of a broken policy be changed, and the policy be deleted', async () => {
    const broken = { match, mode: 'wran' };
    const oldObject = { kind: 'TagPolicy', metadata: { name: 'prod', labels: { a: 'b' } }, spec: broken };
    expect((await ask('policy', policy(broken, { operation: 'UPDATE', oldObject }))).allowed).toBe(true);
    expect((await ask('policy', policy(broken, { operation: 'DELETE', oldObject }))).allowed).toBe(true);
  });
});

describe('the doors for resources', () => {
  it.each([
    ['stamp', policy({})],
    ['policy', approval(APPROVAL)],
    ['stamp', reviewOf({ object: {} })],
    ['policy', policy({}, { object: null })],
  ] as const)('refuse at /%s what does not belong there', async (door, review) => {
    expect((await ask(door, review)).status?.code).toBe(400);
  });

  it('look at no image, and log one line', async () => {
    const before = lines().length;
    await ask('stamp', approval(APPROVAL));
    expect(check.calls).toEqual([]);
    expect(lines().slice(before)).toMatchObject([
      { event: 'admission.answered', door: 'stamp', verdict: 'allow' },
    ]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeApi, KubeObject, Resource } from '../../../src/kube/api.ts';
import { recordObject } from '../../../src/kube/record-object.ts';
import { API_VERSION, TAG_APPROVALS, TAG_POLICIES, TAG_RECORDS } from '../../../src/kube/resources.ts';
import { DEFAULT_RULE } from '../../../src/policy/parse-policy.ts';
import { digestOfA, digestOfB, sampleRecord } from '../../support/sample-record.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { installCrds } from '../stack/kubernetes/crds.ts';
import { openRealApi, type RealApi } from '../stack/kubernetes/kube-api.ts';

let folder: TempFolder;
let plane: StartedControlPlane;
let real: RealApi;
let api: KubeApi;
let tags = 0;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await makeTempFolder();
  plane = await startControlPlane({ folder: folder.path });
  await installCrds(plane);
  real = openRealApi(plane.kubeconfig);
  ({ api } = real);
});

afterAll(async () => {
  await real[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

type Fields = Readonly<Record<string, unknown>>;

const ENTRY = { kind: 'embedded', url: 'http://log.test', origin: 'log.test', index: 7, uuid: 'ab' };

/** A record of a tag of its own, with this in its status. */
async function created(
  status: Fields = {},
  change: Parameters<typeof sampleRecord>[1] = {},
): Promise<string> {
  const object = await recordObject(sampleRecord(`docker.io/library/alpine:${++tags}`, change));
  const made = await api.create(TAG_RECORDS, withStatus(object, status), signal);
  if (made === 'exists') throw new Error('it exists');
  return made.metadata.name;
}

function withStatus(object: KubeObject, status: Fields): KubeObject {
  return { ...object, status: { ...Object(object['status']), ...status } };
}

const refusal = (run: () => Promise<unknown>) => codeOf(run);
const edit = (resource: Resource, name: string, patch: Fields, subresource?: 'status') =>
  refusal(() => api.mergePatch(resource, name, patch, signal, subresource));

const REFUSED = 'KUBERNETES_REFUSED';
const LOGGED = { phase: 'Logged', log: ENTRY };
const LOST = { phase: 'Lost' };

describe('the guards of a TagRecord', () => {
  it.each([
    ['the digest', {}, { spec: { digest: digestOfB } }, REFUSED],
    ['the digest of a lost one', LOST, { spec: { digest: digestOfB } }, undefined],
    ['the digest of a conflicted one', { phase: 'Conflicted' }, { spec: { digest: digestOfB } }, undefined],
    ['the digest of an unlogged one', { phase: 'Unlogged' }, { spec: { digest: digestOfB } }, undefined],
    ['the scope', {}, { spec: { scope: 'other' } }, REFUSED],
    ['the privacy', {}, { spec: { privacy: 'blinded' } }, REFUSED],
    ['the generation of a lost one', LOST, { spec: { generation: 3 } }, REFUSED],
    ['the claim of a lost one', LOST, { spec: { claimId: 'f'.repeat(64) } }, REFUSED],
    ['the tag of a lost one, without its reference', LOST, { spec: { tag: 'other' } }, REFUSED],
    ['the phase', {}, { status: { phase: 'Unlogged' } }, undefined],
    ['the phase to an unknown one', {}, { status: { phase: 'Good' } }, REFUSED],
    ['the log entry, which was not there', {}, { status: { log: ENTRY } }, undefined],
    ['the index of the log', LOGGED, { status: { log: { index: 8 } } }, REFUSED],
    ['the address of the log', LOGGED, { status: { log: { url: 'http://other.test' } } }, undefined],
    ['the log entry, to none', LOGGED, { status: { log: null } }, REFUSED],
    ['the log entry, back to a reservation', LOGGED, { status: { phase: 'Reserved', log: null } }, undefined],
    ['the index of a lost one', { ...LOST, log: ENTRY }, { status: { log: { index: 8 } } }, undefined],
    ['the evidence', {}, { evidence: 'QUJD' }, undefined],
    ['the evidence to what is no base64', {}, { evidence: '{}' }, REFUSED],
    ['the evidence to none', {}, { evidence: null }, REFUSED],
    ['the status to none', {}, { status: null }, REFUSED],
    [
      'what was observed',
      {},
      { status: { observed: { state: 'Moved', time: '2026-11-02T10:00:00Z' } } },
      undefined,
    ],
    [
      'what was observed to a state that is none',
      {},
      { status: { observed: { state: 'x', time: '2026-11-02T10:00:00Z' } } },
      REFUSED,
    ],
    ['a label', {}, { metadata: { labels: { a: 'b' } } }, undefined],
  ])('judge a change of %s', async (_what, status, patch, code) => {
    expect(await edit(TAG_RECORDS, await created(status), patch)).toBe(code);
  });

  it.each([
    ['of generation 0', 0, (name: string) => name, undefined],
    ['of generation 12', 12, (name: string) => name, undefined],
    ['of generation 0 with a number', 0, (name: string) => `${name}-1`, REFUSED],
    ['of generation 2 without its number', 2, (name: string) => name.replace(/-2$/, ''), REFUSED],
    ['of generation 2 with another number', 2, (name: string) => name.replace(/2$/, '3'), REFUSED],
    ['of another claim', 0, (name: string) => name.replace(/.$/, (c) => (c === 'a' ? 'b' : 'a')), REFUSED],
    ['that is cut', 0, (name: string) => name.slice(0, -1), REFUSED],
    ['of anything', 0, () => 'anything', REFUSED],
  ])('judge the name of a record: one %s', async (_what, generation, change, code) => {
    const object = await recordObject(sampleRecord(`docker.io/library/alpine:${++tags}`, { generation }));
    const metadata = { name: change(object.metadata.name) };
    expect(await refusal(() => api.create(TAG_RECORDS, { ...object, metadata }, signal))).toBe(code);
  });

  it('take evidence of 512 KiB and no more', async () => {
    const name = await created();
    expect(await edit(TAG_RECORDS, name, { evidence: 'A'.repeat(524_288) })).toBeUndefined();
    expect(await edit(TAG_RECORDS, name, { evidence: 'A'.repeat(524_289) })).toBe(REFUSED);
  });

  it('let it be selected and shown', async () => {
    const name = await created({ phase: 'Confirmed', log: ENTRY }, { generation: 4 });
    const out = await succeed(
      plane.kubectl(['get', 'tr', '--field-selector', 'spec.generation=4', '-o', 'wide']),
    );
    expect(out).toMatch(/^NAME +REFERENCE +DIGEST +PHASE +LOG INDEX +OBSERVED +AGE +GENERATION +ORIGIN/);
    expect(out).toMatch(
      new RegExp(`^${name} +docker.io/library/alpine:\\d+ +aaaaaaaaaaaa +Confirmed +7 `, 'm'),
    );
    expect(await succeed(plane.kubectl(['get', 'tagseal', '-o', 'name']))).toContain(name);
  });
});

describe('the guards of a TagPolicy', () => {
  const policy = (spec: Fields): KubeObject => ({
    apiVersion: API_VERSION,
    kind: 'TagPolicy',
    metadata: { name: `p-${++tags}` },
    spec: { match: { images: ['**'] }, ...spec },
  });

  it('fill in the defaults of a rule', async () => {
    const made = await api.create(TAG_POLICIES, policy({}), signal);
    const { name: _name, images: _images, mutableTags: _tags, ...defaults } = DEFAULT_RULE;
    expect(made).toMatchObject({ spec: defaults });
  });

  it.each([
    ['no match', { match: null }, REFUSED],
    ['no image', { match: { images: [] } }, REFUSED],
    ['an image with a space', { match: { images: ['a b'] } }, REFUSED],
    ['101 images', { match: { images: Array.from({ length: 101 }, (_, i) => `a${i}`) } }, REFUSED],
    ['an unknown mode', { mode: 'strict' }, REFUSED],
    ['the mode off', { mode: 'off' }, undefined],
    ['a priority that is too high', { priority: 1_000_001 }, REFUSED],
    ['the highest priority', { priority: 1_000_000 }, undefined],
    ['tracked tags', { mutableTags: [{ tags: ['*-nightly'], as: 'track' }] }, undefined],
    ['tags that are nothing', { mutableTags: [{ tags: ['latest'], as: 'ignore' }] }, REFUSED],
    ['In with values', selecting({ operator: 'In', values: ['a'] }), undefined],
    ['In without values', selecting({ operator: 'In' }), REFUSED],
    ['Exists without values', selecting({ operator: 'Exists' }), undefined],
    ['Exists with values', selecting({ operator: 'Exists', values: ['a'] }), REFUSED],
  ])('judge a rule with %s', async (_what, spec, code) => {
    expect(await refusal(() => api.create(TAG_POLICIES, policy(spec), signal))).toBe(code);
  });
});

function selecting(expression: Fields): Fields {
  const namespaceSelector = { matchExpressions: [{ key: 'team', ...expression }] };
  return { match: { images: ['**'], namespaceSelector } };
}

describe('the guards of a TagApproval', () => {
  const approval = (spec: Fields = {}): KubeObject => ({
    apiVersion: API_VERSION,
    kind: 'TagApproval',
    metadata: { name: `a-${++tags}` },
    spec: { reference: 'ghcr.io/acme/api:1', toDigest: digestOfA, reason: 'rebuilt', ...spec },
  });

  it.each([
    ['no more than it needs', {}, undefined],
    ['what the tag was', { fromDigest: digestOfB }, undefined],
    ['the same digest twice', { fromDigest: digestOfA }, REFUSED],
    ['a reference without a tag', { reference: 'ghcr.io/acme/api' }, REFUSED],
    ['a reference with a port and no tag', { reference: 'host:5000/api' }, REFUSED],
    ['a reference with a digest', { reference: `ghcr.io/acme/api:1@${digestOfA}` }, REFUSED],
    ['half a digest', { toDigest: 'sha256:abc' }, REFUSED],
    ['no reason', { reason: '' }, REFUSED],
    ['a reason of 256 characters', { reason: 'x'.repeat(256) }, undefined],
    ['a reason of 257 characters', { reason: 'x'.repeat(257) }, REFUSED],
    ['a reason of two lines', { reason: 'a\nb' }, REFUSED],
  ])('judge one with %s', async (_what, spec, code) => {
    expect(await refusal(() => api.create(TAG_APPROVALS, approval(spec), signal))).toBe(code);
  });

  it.each([
    ['its reason', { spec: { reason: 'other' } }, undefined, REFUSED],
    ['its digest', { spec: { toDigest: digestOfB } }, undefined, REFUSED],
    ['who asked for it', { spec: { requestedBy: 'eve' } }, undefined, REFUSED],
    ['a label', { metadata: { labels: { a: 'b' } } }, undefined, undefined],
    [
      'its status',
      { status: { phase: 'Accepted', generation: 1, message: 'done' } },
      'status' as const,
      undefined,
    ],
    ['its status to what is none', { status: { phase: 'Maybe' } }, 'status' as const, REFUSED],
  ])('judge a change of %s', async (_what, patch, subresource, code) => {
    const object = approval();
    await api.create(TAG_APPROVALS, object, signal);
    expect(await edit(TAG_APPROVALS, object.metadata.name, patch, subresource)).toBe(code);
  });
});

describe('kubectl explain', () => {
  it.each(['tagrecord', 'tagpolicy', 'tagapproval'])('has a text for every field of a %s', async (kind) => {
    const crd: unknown = JSON.parse(
      await succeed(plane.kubectl(['get', 'crd', `${plurals[kind]}.tagseal.dev`, '-o', 'json'])),
    );
    expect(undescribed(crd)).toEqual([]);
    expect(await succeed(plane.kubectl(['explain', `${kind}.spec`]))).toContain('DESCRIPTION');
  });
});

const plurals: Readonly<Record<string, string>> = {
  tagrecord: 'tagrecords',
  tagpolicy: 'tagpolicies',
  tagapproval: 'tagapprovals',
};

/** Paths of properties under spec, evidence and status that have no description. */
function undescribed(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const isProperty =
    /\.properties\.(spec|evidence|status)(\..*)?$/.test(path) && /\.properties\.[^.]+$/.test(path);
  const own = isProperty && !('description' in value) ? [path] : [];
  return [...own, ...Object.entries(value).flatMap(([key, each]) => undescribed(each, `${path}.${key}`))];
}

import { describe, expect, it } from '@jest/globals';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { startFakeRegistry } from '../../support/fake-registry.ts';
import { makeTestRegistry } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;
const subject = parseDigest(`sha256:${'a'.repeat(64)}`);
const repository = 'team/app';

describe('tags of a registry', () => {
  it('come page by page', async () => {
    await using fake = await startFakeRegistry();
    for (const tag of ['1', '2', '3']) await fake.putImage({ repository, tag });
    const registry = makeTestRegistry([fake.host]);
    const target = { registry: fake.host, repository };
    const first = await registry.upstream.tags({ ...target, page: { n: '2' } }, never);
    const second = await registry.upstream.tags({ ...target, page: first.next ?? {} }, never);
    expect([first, second]).toEqual([{ tags: ['1', '2'], next: { n: '2', last: '2' } }, { tags: ['3'] }]);
    await registry.close();
  });

  it.each([
    '</v2/other/tags/list?n=2&last=2>; rel="next"',
    '</v2/team/app/tags/list?cursor=abc>; rel="next"',
    '<http://[bad>; rel="next"',
  ])('go on behind the last one where the link leads elsewhere: %s', async (link) => {
    await using fake = await startFakeRegistry();
    for (const tag of ['1', '2', '3']) await fake.putImage({ repository, tag });
    const registry = makeTestRegistry([fake.host]);
    fake.lies.listLink = link;
    const target = { registry: fake.host, repository };
    const first = await registry.upstream.tags({ ...target, page: { n: '2' } }, never);
    const second = await registry.upstream.tags({ ...target, page: first.next ?? {} }, never);
    expect([first, second]).toEqual([{ tags: ['1', '2'], next: { n: '2', last: '2' } }, { tags: ['3'] }]);
    fake.lies.listBody = '{"tags":[]}';
    expect(await registry.upstream.tags({ ...target, page: { n: '2' } }, never)).toEqual({ tags: [] });
    await registry.close();
  });

  it.each([
    ['no JSON', 'REGISTRY_ANSWER_INVALID', '<html>'],
    ['no list', 'REGISTRY_ANSWER_INVALID', '{"tags":"1"}'],
    ['what is no tag', 'REGISTRY_ANSWER_INVALID', '{"tags":["a/b"]}'],
  ])('that are %s end with %s', async (_what, code, body) => {
    await using fake = await startFakeRegistry();
    const registry = makeTestRegistry([fake.host]);
    fake.lies.listBody = body;
    expect(
      await codeOf(() => registry.upstream.tags({ registry: fake.host, repository, page: {} }, never)),
    ).toBe(code);
    await registry.close();
  });
});

describe('referrers of a registry', () => {
  const manifests = [{ digest: subject, artifactType: 'application/x' }];
  const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

  it.each([true, false])('are those of its API; filtered by it: %s', async (filters) => {
    await using fake = await startFakeRegistry();
    fake.lies.referrers = { filters, manifests };
    const registry = makeTestRegistry([fake.host]);
    const target = { registry: fake.host, repository, digest: subject, page: {} };
    const page = await registry.upstream.referrers({ ...target, artifactType: 'application/x' }, never);
    expect(page).toEqual({ manifests, isFiltered: filters });
    await registry.close();
  });

  it('end with an error where the link to more of them leads elsewhere', async () => {
    await using fake = await startFakeRegistry();
    fake.lies.referrers = { manifests };
    fake.lies.listLink = '</v2/other/referrers?page=2>; rel="next"';
    const registry = makeTestRegistry([fake.host]);
    const target = { registry: fake.host, repository, digest: subject, page: {} };
    expect(await codeOf(() => registry.upstream.referrers(target, never))).toBe('REGISTRY_ANSWER_INVALID');
    await registry.close();
  });

  it('are those of the fallback tag where there is no API, and none without the tag', async () => {
    await using fake = await startFakeRegistry();
    const registry = makeTestRegistry([fake.host]);
    const target = { registry: fake.host, repository, digest: subject, page: {} };
    const none = await registry.upstream.referrers(target, never);
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
    fake.content.putManifest(repository, subject.replace(':', '-'), OCI_INDEX, index);
    const some = await registry.upstream.referrers(target, never);
    expect([none, some]).toEqual([
      { manifests: [], isFiltered: false },
      { manifests, isFiltered: false },
    ]);
    await registry.close();
  });
});

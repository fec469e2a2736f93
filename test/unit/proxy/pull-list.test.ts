import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { call } from '../../support/http-call.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import { scriptedCheck } from '../../support/verdicts.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const setup = () => proxySetup(scriptedCheck({}).checkImage);

describe('a list of tags', () => {
  it('has the name by which the client asked, and a link to the next page below it', async () => {
    await using proxy = await setup();
    proxy.upstream.tagPage = { tags: ['1', '2'], next: { n: '2', last: '2', next_page: 'a b' } };
    const { status, headers, text } = await call(proxy.url, '/v2/ghcr.io/acme/api/tags/list?n=2&last=0&x=y');
    expect({ status, body: JSON.parse(text) as unknown, link: headers['link'] }).toEqual({
      status: 200,
      body: { name: 'ghcr.io/acme/api', tags: ['1', '2'] },
      link: '</v2/ghcr.io/acme/api/tags/list?n=2&last=2&next_page=a+b>; rel="next"',
    });
    expect(proxy.upstream.listCalls).toEqual([
      { registry: 'ghcr.io', repository: 'acme/api', page: { n: '2', last: '0' } },
    ]);
  });

  it.each(['0', '000'])('is empty and without a link for n=%s, whatever the registry answers', async (n) => {
    await using proxy = await setup();
    proxy.upstream.tagPage = { tags: ['1', '2'], next: { n: '0', last: '2' } };
    const { status, headers, text } = await call(proxy.url, `/v2/ghcr.io/acme/api/tags/list?n=${n}`);
    expect({ status, text, link: headers['link'] }).toEqual({
      status: 200,
      text: '{"name":"ghcr.io/acme/api","tags":[]}',
      link: undefined,
    });
  });

  it('keeps the mirror form in its link', async () => {
    await using proxy = await setup();
    proxy.upstream.tagPage = { tags: ['1'], next: { n: '1', last: '1' } };
    const { headers } = await call(proxy.url, '/v2/acme/api/tags/list?n=1&ns=ghcr.io');
    expect(headers['link']).toBe('</v2/acme/api/tags/list?n=1&last=1&ns=ghcr.io>; rel="next"');
  });

  it('of a repository that is not there is a 404 NAME_UNKNOWN', async () => {
    await using proxy = await setup();
    proxy.upstream.tags = () =>
      Promise.reject(new AppError({ code: 'MANIFEST_UNKNOWN', message: 'cannot list' }));
    const answer = await call(proxy.url, '/v2/ghcr.io/acme/api/tags/list');
    expect(answer).toMatchObject({ status: 404, text: expect.stringContaining('"NAME_UNKNOWN"') });
  });

  it('answers HEAD without a body', async () => {
    await using proxy = await setup();
    const answer = await call(proxy.url, '/v2/ghcr.io/acme/api/tags/list', { method: 'HEAD' });
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-length': '44' } });
  });
});

describe('a list of referrers', () => {
  const PATH = `/v2/ghcr.io/acme/api/referrers/${digestOfA}`;
  const manifests = [
    { digest: digestOfA, artifactType: 'application/spdx+json', annotations: { a: 'b' } },
    { digest: digestOfB, artifactType: 'application/x' },
  ];

  it('is an index with the descriptors as they are', async () => {
    await using proxy = await setup();
    proxy.upstream.referrersPage = { manifests, isFiltered: false };
    const { status, headers, text } = await call(proxy.url, PATH);
    expect({ status, type: headers['content-type'], body: JSON.parse(text) as unknown }).toEqual({
      status: 200,
      type: INDEX,
      body: { schemaVersion: 2, mediaType: INDEX, manifests },
    });
    expect(headers).not.toHaveProperty('oci-filters-applied');
  });

  it.each([false, true])('is filtered and says so; by the registry: %s', async (isFiltered) => {
    await using proxy = await setup();
    const [first] = manifests;
    proxy.upstream.referrersPage = { manifests: isFiltered ? [first] : manifests, isFiltered };
    const { headers, text } = await call(proxy.url, `${PATH}?artifactType=application/spdx%2Bjson`);
    expect(JSON.parse(text)).toMatchObject({ manifests: [first] });
    expect(headers['oci-filters-applied']).toBe('artifactType');
    expect(proxy.upstream.listCalls).toMatchObject([{ artifactType: 'application/spdx+json' }]);
  });

  it('keeps the filter in its link', async () => {
    await using proxy = await setup();
    proxy.upstream.referrersPage = { manifests, isFiltered: false, next: { next: 'z' } };
    const { headers } = await call(proxy.url, `${PATH}?artifactType=application/x`);
    expect(headers['link']).toBe(`<${PATH}?next=z&artifactType=application%2Fx>; rel="next"`);
  });
});

describe('a virtual host', () => {
  const virtualHosts = new Map([
    ['mirror.example.com', 'ghcr.io'],
    ['mirror.example.com:81', 'docker.io'],
  ]);

  it.each([
    ['mirror.example.com', 'ghcr.io'],
    ['Mirror.Example.com:8443', 'ghcr.io'],
    ['mirror.example.com:81', 'docker.io'],
    ['other.example.com', 'localhost:5000'],
  ])('%s serves %s', async (host, registry) => {
    await using proxy = await proxySetup(scriptedCheck({}).checkImage, { virtualHosts });
    await call(proxy.url, '/v2/localhost_5000/app/tags/list', { headers: { host } });
    await call(proxy.url, '/v2/acme/app/tags/list', { headers: { host } });
    expect(proxy.upstream.listCalls.map((target) => target.registry)).toContain(registry);
  });
});

describe('If-None-Match', () => {
  it.each([
    [(digest: string) => `"${digest}"`, 304],
    [(digest: string) => `"x", W/"${digest}"`, 304],
    [() => `"${digestOfB}"`, 200],
    [(digest: string) => digest, 200],
    [() => '*', 200],
  ])('is answered by equality of digests: %s', async (header, status) => {
    await using proxy = await setup();
    const digest = proxy.upstream.putManifest('{"schemaVersion":2}');
    const answer = await call(proxy.url, `/v2/ghcr.io/acme/api/manifests/${digest}`, {
      headers: { 'if-none-match': header(digest) },
    });
    expect({ status: answer.status, etag: answer.headers.etag }).toEqual({ status, etag: `"${digest}"` });
  });

  it('of a blob asks the registry whether it is there, and fetches nothing', async () => {
    await using proxy = await setup();
    const headers = { 'if-none-match': `"${digestOfA}"` };
    const answer = await call(proxy.url, `/v2/ghcr.io/acme/api/blobs/${digestOfA}`, { headers });
    expect(answer).toMatchObject({ status: 304, text: '' });
    expect(proxy.upstream.blobCalls).toMatchObject([{ method: 'HEAD' }]);
  });
});

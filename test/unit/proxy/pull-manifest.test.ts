import { describe, expect, it } from '@jest/globals';
import type { DenialReason, Verdict } from '../../../src/check/verdict.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { ERROR_CODES } from '../../../src/errors/code.ts';
import { call, type Answer } from '../../support/http-call.ts';
import { makeMemoryUpstream, OCI_MANIFEST } from '../../support/memory-upstream.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA, digestOfB } from '../../support/sample-record.ts';
import {
  admit,
  loggedRecord,
  moved,
  scriptedCheck,
  tagReference,
  type Admission,
} from '../../support/verdicts.ts';

const ALPINE = 'docker.io/library/alpine:3.16.0';
const PATH = '/v2/alpine/manifests/3.16.0';
const BODY = '{"schemaVersion":2}';

function errorOf({ text }: Answer) {
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string; detail: unknown }[] };
  expect(errors).toHaveLength(1);
  return errors[0];
}

/** A proxy to which the tag is known, and whose registry has its manifest. */
async function knownTag(change: Partial<Admission> = {}) {
  const digest = makeMemoryUpstream().putManifest(BODY);
  const check = scriptedCheck({}, (text) =>
    admit(text, { pin: digest, record: loggedRecord(text, digest), ...change }),
  );
  const proxy = await proxySetup(check.checkImage);
  proxy.upstream.putManifest(BODY);
  return { ...proxy, digest, check, [Symbol.asyncDispose]: () => proxy.server.stop(0) };
}

async function judged(verdict: Verdict) {
  return proxySetup(scriptedCheck({ [ALPINE]: verdict }).checkImage);
}

describe('a pull by tag', () => {
  it('serves the recorded digest with its evidence', async () => {
    await using proxy = await knownTag({ first: true });
    const { status, headers, text } = await call(proxy.url, PATH);
    expect({ status, text }).toEqual({ status: 200, text: BODY });
    expect(headers).toMatchObject({
      'content-type': OCI_MANIFEST,
      'content-length': String(BODY.length),
      'docker-content-digest': proxy.digest,
      'docker-distribution-api-version': 'registry/2.0',
      etag: `"${proxy.digest}"`,
      'tlog-uuid': 'ab'.repeat(32),
      'tlog-logindex': '48210377',
      'tlog-integratedtime': '2026-11-02T10:00:00Z',
      'tlog-first-seen': 'true',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(proxy.upstream.calls).toEqual([`manifest docker.io/library/alpine@${proxy.digest}`]);
    expect(proxy.check.calls).toMatchObject([
      { text: ALPINE, context: { origin: 'proxy', mayRecord: true, mayResolve: true } },
    ]);
  });

  it('answers HEAD with the same headers and no body, and fetches none', async () => {
    await using proxy = await knownTag();
    const got = await call(proxy.url, PATH);
    const head = await call(proxy.url, PATH, { method: 'HEAD' });
    expect(head.text).toBe('');
    expect({ ...head.headers, date: '' }).toEqual({ ...got.headers, date: '' });
    expect(proxy.upstream.calls.at(-1)).toMatch(/^headManifest/);
  });

  it('leaves out time and first-seen where there is none to tell', async () => {
    const { log, ...record } = loggedRecord(ALPINE);
    const { time, ...entry } = log ?? { time: '' };
    await using proxy = await knownTag({
      record: log === undefined ? record : { ...record, log: entry as typeof log },
    });
    const { headers } = await call(proxy.url, PATH);
    expect(time).not.toBe('');
    expect(headers).toHaveProperty('tlog-uuid');
    expect(headers).not.toHaveProperty('tlog-integratedtime');
    expect(headers).not.toHaveProperty('tlog-first-seen');
  });

  it.each([
    ['*/*', 200],
    ['application/*', 200],
    [`${OCI_MANIFEST}, application/vnd.oci.image.index.v1+json`, 200],
    [`application/json;q=0.1, ${OCI_MANIFEST};q=0.5`, 200],
    ['application/vnd.docker.distribution.manifest.v1+json', 404],
    [`${OCI_MANIFEST};q=0`, 404],
  ])('never serves another digest to Accept: %s, but answers %i', async (accept, status) => {
    await using proxy = await knownTag();
    const answer = await call(proxy.url, PATH, { headers: { accept } });
    expect(answer.status).toBe(status);
    if (status === 404) expect(errorOf(answer)?.code).toBe('MANIFEST_UNKNOWN');
  });

  it('warns when the tag could not be rechecked', async () => {
    await using proxy = await knownTag({
      notes: [{ kind: 'notRechecked', code: 'REGISTRY_UNAVAILABLE', message: 'x' }],
    });
    expect((await call(proxy.url, PATH)).headers.warning).toBe(
      `299 - "${ALPINE} was not rechecked (REGISTRY_UNAVAILABLE); this is the recorded digest"`,
    );
  });

  it.each([
    ['exempt', undefined],
    ['audit', undefined],
    [
      'warn',
      /^299 - "tag moved: docker.io\/library\/alpine:3.16.0; recorded sha256:a.*accept.*reason \\"...\\""$/,
    ],
  ])('serves what the tag means now in mode %s', async (mode, warning) => {
    const reference = tagReference(ALPINE);
    const verdict: Verdict =
      mode === 'exempt'
        ? { kind: 'exempt', reference, why: 'rule' }
        : { ...moved(ALPINE), kind: 'report', mode: mode === 'audit' ? 'audit' : 'warn' };
    await using proxy = await judged(verdict);
    const digest = proxy.upstream.putManifest('{"now":true}');
    proxy.upstream.putTag('docker.io/library/alpine', '3.16.0', digest);
    const { headers, text } = await call(proxy.url, PATH);
    expect(text).toBe('{"now":true}');
    expect(headers).not.toHaveProperty('tlog-uuid');
    if (warning === undefined) expect(headers).not.toHaveProperty('warning');
    else expect(headers.warning).toMatch(warning);
  });

  it('answers 503 with Retry-After while the tag is being recorded', async () => {
    await using proxy = await judged({
      kind: 'pending',
      reference: tagReference(ALPINE),
      record: loggedRecord(ALPINE),
      retryAfterSeconds: 1.2,
    });
    const answer = await call(proxy.url, PATH);
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
    expect(errorOf(answer)?.code).toBe('UNAVAILABLE');
  });
});

describe('a pull of a moved tag', () => {
  it('is refused with one error in the words of tlogistry', async () => {
    await using proxy = await judged(moved(ALPINE));
    const answer = await call(proxy.url, PATH);
    expect(answer.status).toBe(403);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(errorOf(answer)).toMatchObject({
      code: 'DENIED',
      message: `tag "${ALPINE}" mismatch; got "${digestOfB}", want "${digestOfA}"`,
      detail: { reason: 'TAG_MOVED', expected: digestOfA, actual: digestOfB },
    });
    expect(proxy.upstream.calls).toEqual([]);
  });

  it('has the code TAG_INVALID when the setting says so', async () => {
    const { checkImage } = scriptedCheck({ [ALPINE]: moved(ALPINE) });
    await using proxy = await proxySetup(checkImage, { denyCode: 'TAG_INVALID' });
    expect(errorOf(await call(proxy.url, PATH))?.code).toBe('TAG_INVALID');
  });

  it.each([PATH, '/v2/library/alpine/manifests/3.16.0?ns=docker.io'])(
    'sends HEAD %s to the reason in the URL, which refuses HEAD and GET',
    async (path) => {
      await using proxy = await judged(moved(ALPINE));
      const head = await call(proxy.url, path, { method: 'HEAD' });
      expect(head.status).toBe(307);
      const { location = '' } = head.headers;
      const reason = `tag-moved-want-${digestOfA}-got-${digestOfB}`;
      expect(location).toBe(`${path}${path.includes('?') ? '&' : '?'}reason=${reason}`);
      expect(reason.length).toBeLessThanOrEqual(200);
      const again = await call(proxy.url, location, { method: 'HEAD' });
      expect(again).toMatchObject({ status: 403, text: '' });
      const got = await call(proxy.url, location);
      expect(got.status).toBe(403);
      expect(errorOf(got)?.code).toBe('DENIED');
      expect(again.headers['content-length']).toBe(got.headers['content-length']);
    },
  );

  it('is served again under the URL with the reason once it is accepted', async () => {
    await using proxy = await knownTag();
    expect((await call(proxy.url, `${PATH}?reason=tag-moved`, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('a pull without a verdict', () => {
  it.each([...ERROR_CODES, 'NOT_RECORDED', 'DIGEST_NOT_RECORDED'] satisfies DenialReason[])(
    'is refused for %s with JSON and no manifest',
    async (reason) => {
      await using proxy = await judged({ kind: 'deny', denial: { reason, message: 'no verdict' } });
      const answer = await call(proxy.url, PATH);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(errorOf(answer)).toMatchObject({ message: 'no verdict', detail: { reason } });
      expect(proxy.upstream.calls).toEqual([]);
    },
  );

  it.each([
    ['STORE_UNAVAILABLE', 503],
    ['RECORD_LOST', 307],
  ] as const)('answers HEAD for %s with %i', async (reason, status) => {
    await using proxy = await judged({ kind: 'deny', denial: { reason, message: 'x' } });
    const answer = await call(proxy.url, PATH, { method: 'HEAD' });
    expect(answer.status).toBe(status);
    expect(answer.headers.location).toBe(status === 307 ? `${PATH}?reason=record-lost` : undefined);
  });

  it.each([
    ['LOG_UNAVAILABLE', 503],
    ['REGISTRY_UNAVAILABLE', 503],
    ['STORE_UNAVAILABLE', 503],
    ['DEADLINE_EXCEEDED', 504],
    ['MANIFEST_UNKNOWN', 404],
    ['RECORD_LOST', 403],
    ['LOG_PROOF_INVALID', 403],
    ['DIGEST_MISMATCH', 502],
  ] as const)('answers %s with %i', async (reason, status) => {
    await using proxy = await judged({ kind: 'deny', denial: { reason, message: 'x' } });
    expect((await call(proxy.url, PATH)).status).toBe(status);
  });
});

describe('a pull by digest', () => {
  it('asks no check and serves the manifest', async () => {
    await using proxy = await knownTag();
    const answer = await call(proxy.url, `/v2/ghcr.io/acme/api/manifests/${proxy.digest}`, {
      headers: { accept: 'text/plain' },
    });
    expect(answer).toMatchObject({ status: 200, text: BODY });
    expect(proxy.check.calls).toEqual([]);
    expect(proxy.upstream.calls).toEqual([`manifest ghcr.io/acme/api@${proxy.digest}`]);
  });

  it('answers 404 for a manifest that the registry does not have', async () => {
    await using proxy = await knownTag();
    const answer = await call(proxy.url, `/v2/alpine/manifests/${digestOfB}`);
    expect(answer.status).toBe(404);
    expect(errorOf(answer)?.code).toBe('MANIFEST_UNKNOWN');
  });

  it('never serves another digest than the one asked for', async () => {
    await using proxy = await knownTag();
    const lying = {
      ...proxy.upstream,
      manifest: async () =>
        proxy.upstream.manifest(
          { registry: 'docker.io', repository: 'a', digest: proxy.digest },
          new AbortController().signal,
        ),
    };
    await using liar = await proxySetup(proxy.check.checkImage, { upstream: lying });
    const answer = await call(liar.url, `/v2/alpine/manifests/${digestOfA}`);
    expect(answer.status).toBe(502);
    expect(answer.text).not.toContain('schemaVersion');
  });

  it('passes on how long to wait when the registry limits the rate', async () => {
    await using proxy = await knownTag();
    const limited = {
      ...proxy.upstream,
      manifest: () =>
        Promise.reject(
          new AppError({ code: 'REGISTRY_RATE_LIMITED', message: 'too many', retryAfterSeconds: 17 }),
        ),
    };
    await using other = await proxySetup(proxy.check.checkImage, { upstream: limited });
    const answer = await call(other.url, `/v2/alpine/manifests/${digestOfA}`);
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '17' } });
    expect(errorOf(answer)?.code).toBe('TOOMANYREQUESTS');
  });
});

import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type { CheckContext } from '../../../src/check/verdict.ts';
import { call } from '../../support/http-call.ts';
import { proxySetup } from '../../support/proxy-setup.ts';
import { digestOfA } from '../../support/sample-record.ts';
import { admit, scriptedCheck } from '../../support/verdicts.ts';

const NONE = { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 };
const TAG = '/v2/alpine/manifests/1';
const { checkImage } = scriptedCheck({});
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('a proxy with passwords', () => {
  const setup = () =>
    proxySetup(checkImage, {
      checkPassword: async (user, password) => user === 'ann' && password === 'right',
    });

  it.each(['/v2/', TAG, `/v2/alpine/blobs/${digestOfA}`])('asks for one at %s', async (path) => {
    await using proxy = await setup();
    for (const headers of [{}, basic('ann:wrong'), basic('bob:right'), { authorization: 'Bearer x' }]) {
      const answer = await call(proxy.url, path, { headers });
      expect(answer).toMatchObject({ status: 401, text: expect.stringContaining('"UNAUTHORIZED"') });
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="tagseal"/);
    }
    expect(proxy.upstream.calls).toEqual([]);
  });

  it('lets in who has it, and passes nothing of it on', async () => {
    await using proxy = await setup();
    expect(await call(proxy.url, '/v2/', { headers: basic('ann:right') })).toMatchObject({ status: 200 });
  });

  it('refuses an address that guesses', async () => {
    await using proxy = await setup();
    const statuses = [];
    for (let at = 0; at < 31; at += 1) {
      statuses.push((await call(proxy.url, '/v2/', { headers: basic(`ann:${at}`) })).status);
    }
    expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
  });

  it('lets in whoever comes often with the right one', async () => {
    await using proxy = await setup();
    for (let at = 0; at < 40; at += 1) {
      expect((await call(proxy.url, '/v2/', { headers: basic('ann:right') })).status).toBe(200);
    }
  });
});

describe('limits of a client', () => {
  it.each([
    ['requests', { ...NONE, requestsPerMinute: 2 }, `/v2/alpine/blobs/${digestOfA}`],
    ['tags', { ...NONE, tagsPerMinute: 2 }, '/v2/alpine/tags/list'],
  ])('of %s end in a 429 with Retry-After', async (_what, limits, path) => {
    await using proxy = await proxySetup(checkImage, { limits });
    const answers = [];
    for (let at = 0; at < 3; at += 1) answers.push(await call(proxy.url, path));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[2]).toMatchObject({
      text: expect.stringContaining('"TOOMANYREQUESTS"'),
      headers: { 'retry-after': '30' },
    });
    expect((await call(proxy.url, '/v2/')).status).toBe(200);
  });

  it('of tags leave digests and blobs alone', async () => {
    await using proxy = await proxySetup(checkImage, { limits: { ...NONE, tagsPerMinute: 1 } });
    const digest = proxy.upstream.putManifest('{"schemaVersion":2}');
    for (let at = 0; at < 5; at += 1) {
      expect((await call(proxy.url, `/v2/alpine/manifests/${digest}`)).status).toBe(200);
      expect((await call(proxy.url, `/v2/alpine/blobs/${digestOfA}`)).status).toBe(200);
    }
  });

  it('are those of the address that our load balancer saw', async () => {
    const limits = { ...NONE, requestsPerMinute: 1 };
    await using proxy = await proxySetup(checkImage, { limits, trustedHops: 1 });
    const from = (forwarded: string) =>
      call(proxy.url, '/v2/alpine/tags/list', { headers: { 'x-forwarded-for': forwarded } });
    const statuses = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.9, 192.0.2.1']) {
      statuses.push((await from(address)).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('of new tags leave known ones alone, and record no more', async () => {
    const asked: boolean[] = [];
    let isKnown = false;
    let pin = digestOfA;
    const check = async (text: string, { mayRecord }: CheckContext) => {
      asked.push(mayRecord);
      const notes = isKnown || mayRecord ? [] : [{ kind: 'wouldRecord' } as const];
      return admit(text, { pin, notes, first: !isKnown && mayRecord });
    };
    await using proxy = await proxySetup(check, { limits: { ...NONE, newTagsPerMinute: 1 } });
    pin = proxy.upstream.putManifest('{"schemaVersion":2}');
    const statuses = [];
    for (let at = 0; at < 2; at += 1) statuses.push((await call(proxy.url, TAG)).status);
    isKnown = true;
    for (let at = 0; at < 3; at += 1) statuses.push((await call(proxy.url, TAG)).status);
    expect(statuses).toEqual([200, 429, 200, 200, 200]);
    expect(asked).toEqual([true, false, false, false, false]);
  });

  it('of new tags are not used up by known ones', async () => {
    let pin = digestOfA;
    const asked: boolean[] = [];
    const check = async (text: string, { mayRecord }: CheckContext) => {
      asked.push(mayRecord);
      return admit(text, { pin });
    };
    await using proxy = await proxySetup(check, { limits: { ...NONE, newTagsPerMinute: 1 } });
    pin = proxy.upstream.putManifest('{"schemaVersion":2}');
    for (let at = 0; at < 3; at += 1) await call(proxy.url, TAG);
    expect(asked).toEqual([true, true, true]);
  });
});

describe('a loop', () => {
  it.each([
    ['1.1 tagseal-test', 403],
    ['1.1 nginx, 1.1 tagseal-test', 403],
    ['1.1 tagseal-a, 1.1 tagseal-b, 1.1 tagseal-c, 1.1 tagseal-d', 403],
    ['1.1 tagseal-testing', 200],
    ['1.1 tagseal-other, 1.1 google', 200],
  ])('is told by Via: %s', async (via, status) => {
    await using proxy = await proxySetup(checkImage);
    expect((await call(proxy.url, '/v2/', { headers: { via } })).status).toBe(status);
  });
});

describe('a stream', () => {
  it('that creeps is cut, and gives its place back', async () => {
    await using proxy = await proxySetup(checkImage, { maxStreams: 1, pace: { bytes: 1000, everyMs: 20 } });
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: { 'content-length': '5000' },
      body: new Readable({ read() {} }),
    });
    await expect(call(proxy.url, `/v2/alpine/blobs/${digestOfA}`)).rejects.toThrow();
    proxy.upstream.blobAnswer = async () => ({
      kind: 'stream',
      status: 200,
      headers: {},
      body: Readable.from([Buffer.from('x')]),
    });
    expect((await call(proxy.url, `/v2/alpine/blobs/${digestOfA}`)).status).toBe(200);
  });
});

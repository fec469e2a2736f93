import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeAdmissionRouter } from '../../../src/admission/router.ts';
import { startServer, type RunningServer } from '../../../src/http/server.ts';
import { issueLeaf, makeAuthority } from '../../../src/http/tls.ts';
import { admissionSetup, podWith, readAnswer, reviewOf, UID } from '../../support/admission-setup.ts';
import { call, type Call } from '../../support/http-call.ts';
import { moved, scriptedCheck } from '../../support/verdicts.ts';

describe('the webhook over HTTPS', () => {
  let server: RunningServer;
  let ca = '';
  const check = scriptedCheck({ 'moved:1': moved('moved:1') });

  beforeAll(async () => {
    const now = Date.now();
    const authority = await makeAuthority({ lifetimeMs: 86_400_000, now });
    ca = authority.cert;
    const setup = admissionSetup(check.checkImage);
    server = await startServer({
      listen: '127.0.0.1:0',
      setting: 'admission.listen',
      handler: makeAdmissionRouter(setup),
      certificate: await issueLeaf({ authority, names: ['127.0.0.1'], lifetimeMs: 86_400_000, now }),
    });
  });
  afterAll(() => server.stop(0));

  const send = (path: string, options: Call = {}) => call(server.url, path, { ca, ...options });
  const post = (path: string, body: string) =>
    send(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });

  it('answers a review on each of its doors', async () => {
    const body = JSON.stringify(reviewOf({ object: podWith('moved:1') }));
    for (const [door, allowed] of [
      ['mutate', false],
      ['validate', false],
      ['warn', true],
      ['stamp', false],
      ['policy', false],
    ] as const) {
      const answer = await post(`/${door}?timeout=10s`, body);
      expect(answer.headers['content-type']).toBe('application/json');
      expect(readAnswer(answer.status, answer.text)).toMatchObject({ httpStatus: 200, uid: UID, allowed });
    }
  });

  it('takes a review of 3 MB and refuses a body beyond 8 MiB', async () => {
    const annotations = { big: 'x'.repeat(3_000_000) };
    const object = { ...podWith('a:1'), metadata: { annotations } };
    const answer = await post('/mutate', JSON.stringify(reviewOf({ object })));
    expect(readAnswer(answer.status, answer.text).allowed).toBe(true);
    const headers = { 'content-length': 8 * 1024 * 1024 + 1 };
    const refused = await send('/mutate', { method: 'POST', headers });
    expect(refused.status).toBe(413);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'REVIEW_INVALID' });
    expect(refused.headers.connection).toBe('close');
  });

  it.each(['GET', 'PUT', 'DELETE'])('answers %s with 405 in JSON', async (method) => {
    const answer = await send('/mutate', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
  });

  it.each(['/', '/mutate/', '/Mutate', '/mutatex', '/%6dutate', '//mutate', '/mutate;x'])(
    'judges nothing at %s',
    async (path) => {
      const before = check.calls.length;
      const answer = await post(path, JSON.stringify(reviewOf({ object: podWith('a:1') })));
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(() => JSON.parse(answer.text) as unknown).not.toThrow();
      expect(check.calls).toHaveLength(before);
    },
  );
});

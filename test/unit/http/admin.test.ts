import { afterEach, describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeAdminHandler } from '../../../src/http/admin.ts';
import { makeHealth, type HealthCheck } from '../../../src/http/health.ts';
import { sendJson } from '../../../src/http/json.ts';
import { startServer, type RunningServer } from '../../../src/http/server.ts';
import { call } from '../../support/http-call.ts';
import { makeObserved } from '../../support/observed.ts';

let server: RunningServer | undefined;
afterEach(() => server?.stop(0));

async function start(check: HealthCheck = () => undefined) {
  const observed = makeObserved();
  server = await startServer({
    listen: '127.0.0.1:0',
    setting: 'admin.listen',
    handler: makeAdminHandler({
      ...observed,
      health: makeHealth({ checks: { store: check }, timeoutMs: 1000 }),
      mounts: {
        '/log': (request, response) => sendJson(response, 200, { url: request.url, method: request.method }),
        '/broken': () => {
          throw new Error('secret text');
        },
      },
    }),
  });
  return { url: server.url, ...observed };
}

describe('the admin port', () => {
  it('serves metrics', async () => {
    const { url, metrics } = await start();
    metrics.countRecord('recorded');
    const answer = await call(url, '/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    expect(answer.text).toContain('tagseal_records_total{outcome="recorded"} 1');
  });

  it('is alive while it is not ready', async () => {
    const { url } = await start(() => {
      throw new AppError({ code: 'STORE_UNAVAILABLE', message: 'cannot read the store' });
    });
    expect((await call(url, '/healthz')).status).toBe(200);
    const answer = await call(url, '/readyz');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toEqual({
      status: 'not ready',
      checks: { store: 'cannot read the store' },
    });
  });

  it('hands a mounted handler the path without its prefix, with any method', async () => {
    const { url } = await start();
    const answer = await call(url, '/log/api/v2/checkpoint?x=1', { method: 'POST' });
    expect(JSON.parse(answer.text)).toEqual({ url: '/api/v2/checkpoint?x=1', method: 'POST' });
  });

  it('answers an unknown path in JSON and says nothing of itself', async () => {
    const { url } = await start();
    const answer = await call(url, '/nothing%22');
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'NOT_FOUND' });
    expect(answer.headers).not.toHaveProperty('x-powered-by');
    expect(answer.headers).not.toHaveProperty('etag');
  });

  it('withholds the text of an error that a handler throws, and logs it', async () => {
    const observed = await start();
    const answer = await call(observed.url, '/broken');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
    expect(observed.lines()).toMatchObject([{ level: 'error', event: 'http.failed' }]);
  });
});

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sendJson } from '../../../src/http/json.ts';
import { readBody } from '../../../src/http/read-body.ts';
import type { BodyResult } from '../../../src/http/read-body.ts';
import { startServer } from '../../../src/http/server.ts';
import type { RunningServer } from '../../../src/http/server.ts';
import { call } from '../../support/http-call.ts';

const MAX_BYTES = 1000;

describe('readBody', () => {
  let server: RunningServer;
  let onArrival: () => void = () => undefined;
  let onResult: (result: BodyResult) => void = () => undefined;

  beforeAll(async () => {
    server = await startServer({
      listen: '127.0.0.1:0',
      setting: 'x',
      handler: (request, response) => {
        onArrival();
        void readBody(request, MAX_BYTES).then((result) => {
          onResult(result);
          if (result.kind === 'refused') {
            sendJson(response, result.status, {}, { Connection: 'close' });
          } else {
            response.end(result.bytes);
          }
        });
      },
    });
  });
  afterAll(() => server.stop(0));

  it('reads what was sent, whatever it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (body) => {
        expect((await call(server.url, '/', { method: 'POST', body })).text).toBe(
          Buffer.from(body).toString(),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('reads a body of exactly the limit, announced or not', async () => {
    const body = 'x'.repeat(MAX_BYTES);
    const headers = { 'transfer-encoding': 'chunked' };
    expect((await call(server.url, '/', { method: 'POST', body })).text).toHaveLength(MAX_BYTES);
    expect((await call(server.url, '/', { method: 'POST', body, headers })).text).toHaveLength(MAX_BYTES);
  });

  it.each([
    ['an announced length beyond the limit', { 'content-length': MAX_BYTES + 1 }],
    ['more than the limit in chunks', { 'transfer-encoding': 'chunked' }],
  ])('refuses %s with 413', async (_title, headers) => {
    const body = 'x'.repeat(MAX_BYTES + 1);
    expect((await call(server.url, '/', { method: 'POST', body, headers })).status).toBe(413);
  });

  it.each(['gzip', 'br', 'zstd'])('refuses a body in %s with 415', async (encoding) => {
    const headers = { 'content-encoding': encoding };
    expect((await call(server.url, '/', { method: 'POST', body: 'x', headers })).status).toBe(415);
  });

  it('refuses a body that is cut off', async () => {
    const arrived = Promise.withResolvers<undefined>();
    const read = Promise.withResolvers<BodyResult>();
    onArrival = () => arrived.resolve(undefined);
    onResult = read.resolve;
    const socket = connect(server.port, server.host);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
    await arrived.promise;
    socket.destroy();
    expect(await read.promise).toMatchObject({ kind: 'refused', status: 400 });
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { makeLogHttpHandler } from '../../../../src/rekor/embedded/http-handler.ts';

describe('makeLogHttpHandler', () => {
  it('answers 503 when the log throws, and lives on', async () => {
    const handler = makeLogHttpHandler(() => Promise.reject(new TypeError('the disk is gone')));
    const server = createServer(handler).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v2/checkpoint`;
    for (let time = 0; time < 2; time += 1) {
      const answer = await fetch(url);
      expect(answer.status).toBe(503);
      expect(await answer.text()).not.toContain('disk');
    }
    server.closeAllConnections();
    server.close();
  });
});

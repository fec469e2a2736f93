import { describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe } from '../support/serve.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const user = { name: 'ann', password: 'right' };

describe.each(['bearer', 'basic'] as const)(
  'a private upstream with %s logins, pulled from by its users',
  (kind) => {
    it('shows its images to those that it lets in, and what is remembered of them to nobody else', async () => {
      await using folder = await makeTempFolder();
      await using registry = await startFakeRegistry();
      const image = await registry.putImage({ repository: 'team/app', tag: '1' });
      registry.lies.auth = { kind, user };
      await using served = await startServe({
        folder: folder.path,
        registries: [registry.host],
        proxy: { credentials: { [registry.host]: 'client' }, publicUrl: 'http://tagseal.invalid' },
      });
      const name = `${registry.host.replace(':', '_')}/team/app`;

      async function pull(reference: string, login?: string): Promise<number> {
        const basic = login === undefined ? {} : { authorization: `Basic ${btoa(login)}` };
        const { text } = await call(served.proxy, `/token?scope=repository:${name}:pull`, { headers: basic });
        const { token } = JSON.parse(text) as { token: string };
        const headers = { authorization: `Bearer ${token}` };
        return (await call(served.proxy, pullPath(registry.host, `team/app/${reference}`), { headers }))
          .status;
      }

      for (const reference of [
        'manifests/1',
        `manifests/${image.digest}`,
        'tags/list',
        `referrers/${image.digest}`,
      ]) {
        const statuses = [];
        for (const login of ['ann:right', undefined, 'ann:wrong', 'bob:right', 'ann:right']) {
          statuses.push(await pull(reference, login));
        }
        expect([reference, ...statuses]).toEqual([reference, 200, 401, 401, 401, 200]);
      }
      const { status, headers } = await call(served.proxy, pullPath(registry.host, 'team/app/manifests/1'));
      expect({ status, challenge: headers['www-authenticate'] }).toEqual({
        status: 401,
        challenge: `Bearer realm="http://tagseal.invalid/token",service="tagseal.invalid",scope="repository:${name}:pull"`,
      });
      expect(served.process.output()).not.toContain('right');
    });
  },
);

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hashSync } from 'bcryptjs';
import { startFakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe } from '../support/serve.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('the proxy with TLS and passwords', () => {
  it('serves who trusts its CA and logs in, and counts new tags', async () => {
    await using folder = await makeTempFolder();
    await using registry = await startFakeRegistry();
    await registry.putImage({ repository: 'team/app', tag: '1' });
    await registry.putImage({ repository: 'team/app', tag: '2' });
    const htpasswd = join(folder.path, 'htpasswd');
    await writeFile(htpasswd, `ann:${hashSync('right', 5)}\n`);
    await using served = await startServe({
      folder: folder.path,
      registries: [registry.host],
      proxy: {
        tls: { mode: 'self' },
        clients: { htpasswdFile: htpasswd },
        limits: { newTagsPerMinute: 1 },
      },
    });
    const ca = await readFile(join(folder.path, 'data', 'admission-ca.pem'), 'utf8');
    const ask = (tag: string, login?: string) =>
      call(served.proxy, pullPath(registry.host, `team/app/manifests/${tag}`), {
        ca,
        headers: login === undefined ? {} : { authorization: `Basic ${btoa(login)}` },
      });
    const anonymous = await ask('1');
    expect({ status: anonymous.status, challenge: anonymous.headers['www-authenticate'] }).toEqual({
      status: 401,
      challenge: 'Basic realm="tagseal", charset="UTF-8"',
    });
    expect(registry.requests).toEqual([]);
    const statuses = [];
    for (const tag of ['1', '2', '1']) statuses.push((await ask(tag, 'ann:right')).status);
    expect(statuses).toEqual([200, 429, 200]);
    expect(registry.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(registry.requests[0]?.headers.via).toMatch(/^1\.1 tagseal-[0-9a-f]{12}$/);
  });
});

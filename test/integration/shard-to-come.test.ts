import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { trustedRootFor } from '../../src/rekor/trusted-root.ts';
import { startFakeRegistry } from '../support/fake-registry.ts';
import { startLyingLog } from '../support/lying-log.ts';
import { pushImage } from '../support/push-image.ts';
import { proxied, startServe } from '../support/serve.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';

describe('serve, with a signing config', () => {
  it('starts before its shard does, knows the tags that it knew, and refuses new ones', async () => {
    await using folder = await makeTempFolder();
    await using registry = await startFakeRegistry();
    await using log = await startLyingLog({ kind: 'rekor-v2' });
    for (const repository of ['app/known', 'app/new'])
      await pushImage({ registryUrl: registry.url, repository, tag: '1', text: repository });
    const [signingFile, rootFile] = [join(folder.path, 'signing.json'), join(folder.path, 'root.json')];
    await writeFile(rootFile, JSON.stringify(trustedRootFor(log.trust)));
    const name = (start: string, end?: string) => {
      const service = { url: log.url, majorApiVersion: 2, validFor: { start, end }, operator: 'log.test' };
      return writeFile(signingFile, JSON.stringify({ mediaType: MEDIA_TYPE, rekorTlogUrls: [service] }));
    };
    const config = [
      `log: ${JSON.stringify({ kind: 'rekor-v2', signingConfigFile: signingFile, trustedRootFile: rootFile })}`,
    ];
    const settings = { folder: folder.path, registries: [registry.host], config };
    const pull = async (proxy: string, repository: string) =>
      (await fetch(proxied(proxy, registry.host, `${repository}/manifests/1`))).status;

    await name('2020-01-01T00:00:00Z');
    const before = await startServe(settings);
    expect(await pull(before.proxy, 'app/known')).toBe(200);
    await before[Symbol.asyncDispose]();

    await name('2999-01-01T00:00:00Z');
    await using running = await startServe(settings);
    await running.process.waitFor(/log\.shardMissing/);
    expect([await pull(running.proxy, 'app/known'), await pull(running.proxy, 'app/new')]).toEqual([
      200, 503,
    ]);
    const metrics = await (await fetch(`${running.admin}/metrics`)).text();
    expect(metrics).toMatch(/^tagseal_log_shard_missing 1$/m);
  });
});

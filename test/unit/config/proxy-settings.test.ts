import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config/read-config.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

async function read(text: string) {
  await using folder = await makeTempFolder();
  await writeFile(join(folder.path, 'tagseal.yaml'), text);
  return readConfig({ environment: {}, workingDirectory: folder.path });
}

describe('settings of the proxy and of mirrors', () => {
  it('are read as canonical registries', async () => {
    const { proxy, registries } = await read(
      [
        'registries: {mirrors: {index.docker.io: ["https://mirror.gcr.io", "https://h.example.com/hub/"]}}',
        'proxy:',
        '  virtualHosts: {M.example.com: registry-1.docker.io}',
        '  credentials: {GHCR.io: client, quay.io: own}',
        '  publicUrl: https://t.example.com',
      ].join('\n'),
    );
    expect([...registries.mirrors]).toEqual([
      [
        'docker.io',
        [
          { registry: 'mirror.gcr.io', prefix: '' },
          { registry: 'h.example.com', prefix: 'hub/' },
        ],
      ],
    ]);
    expect([...proxy.virtualHosts]).toEqual([['m.example.com', 'docker.io']]);
    expect([...(proxy.clientCredentials?.registries ?? [])]).toEqual(['ghcr.io']);
  });

  it.each([
    'registries: {mirrors: {docker.io: ["http://m.example.com"]}}',
    'registries: {mirrors: {docker.io: ["https://m.example.com"]}, plainHttp: [m.example.com]}',
    'registries: {mirrors: {docker.io: ["https://m.example.com/A"]}}',
    'registries: {mirrors: {docker.io: ["https://u@m.example.com/"]}}',
    'registries: {mirrors: {docker.io: m.example.com}}',
    'proxy: {credentials: {ghcr.io: client}}',
    'proxy: {credentials: {ghcr.io: theirs}}',
    'proxy: {credentials: {ghcr.io: client}, publicUrl: "https://t.example.com", clients: {htpasswdFile: f}}',
    'proxy: {clients: {caFile: f}}',
    'proxy: {tls: {mode: files, certFile: c}}',
    'proxy: {tls: {mode: cluster}}',
    'proxy: {virtualHosts: {m.example.com: "a b"}}',
    'proxy: {trustedHops: -1}',
  ])('refuse %s', async (text) => {
    expect(await codeOf(() => read(text))).toBe('CONFIG_INVALID');
  });
});

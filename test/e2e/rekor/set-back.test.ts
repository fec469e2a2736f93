import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { startServe, tagseal, writeConfig, type ServeSettings } from '../../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';

let folder: TempFolder;
let registry: FakeRegistry;
let rekor: StartedRekor;
let settings: ServeSettings;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  rekor = await startRekorV2(join(folder.path, 'rekor'));
  const { url, readUrl, origin, publicKeyFile } = rekor;
  const log = { kind: 'rekor-v2', url, readUrl, origin, publicKeyFile };
  settings = {
    folder: folder.path,
    registries: [registry.host],
    config: [`log: ${JSON.stringify(log)}`],
  };
  await writeConfig(settings);
});

afterAll(async () => {
  await rekor[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const image = (tag: string) => `${registry.host}/app:${tag}`;
const run = (...args: readonly string[]) => tagseal(folder.path, ...args);

async function record(tag: string): Promise<void> {
  await registry.putImage({ repository: 'app', tag, text: `of ${tag}` });
  expect(await run('record', image(tag))).toMatchObject({ code: 0, stderr: '' });
}

/** The log as it is now; while it is stopped, since it is written to at any time. */
async function backUp(to: string): Promise<void> {
  await rekor.kill();
  await cp(rekor.storage, to, { recursive: true });
  await rekor.start();
}

async function setBack(from: string): Promise<void> {
  await rekor.kill();
  await rm(rekor.storage, { recursive: true });
  await cp(from, rekor.storage, { recursive: true });
  await rekor.start();
}

describe('a real Rekor v2 that was set back from a backup', () => {
  it('is found out, and takes its forgotten records again from who restores them', async () => {
    await record('kept');
    const backup = join(folder.path, 'backup');
    await backUp(backup);
    await record('forgotten');
    await setBack(backup);

    await registry.putImage({ repository: 'app', tag: 'new', text: 'new' });
    const refused = await run('record', image('new'));
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('was set back');
    expect(await run('check', image('forgotten'))).toMatchObject({ code: 0 });

    // docs/log-alarms.md: the operator's story is known to be true
    const state = join(folder.path, 'data', 'state');
    for (const name of await readdir(state))
      if (name.startsWith('tail-')) await rm(join(state, name), { recursive: true });
    await record('later');
    await using served = await startServe(settings);
    await served.process.waitFor(/record\.unlogged/);
    expect(await run('check', image('forgotten'))).toMatchObject({ code: 4 });

    const restored = await run('restore', image('forgotten'), image('kept'));
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toMatch(/forgotten +restored/);
    expect(restored.stdout).toMatch(/kept +present/);
    for (const tag of ['kept', 'forgotten', 'later']) {
      for (const command of ['check', 'verify'])
        expect(await run(command, image(tag))).toMatchObject({ code: 0, stderr: '' });
    }
  });
});

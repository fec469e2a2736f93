import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { startServe, tagseal, writeConfig } from '../support/serve.ts';
import { readServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

describe('a log that was set back from a backup', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  beforeEach(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
  });
  afterEach(async () => {
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  const at = (...path: readonly string[]) => join(folder.path, 'data', ...path);
  const image = (tag: string) => `${registry.host}/app:${tag}`;
  const run = (...args: readonly string[]) => tagseal(folder.path, ...args);
  const serve = () => startServe({ folder: folder.path, registries: [registry.host] });

  async function record(tag: string): Promise<void> {
    await registry.putImage({ repository: 'app', tag, text: `of ${tag}` });
    expect(await run('record', image(tag))).toMatchObject({ code: 0 });
  }

  async function setBack(backup: string): Promise<void> {
    await rm(at('log'), { recursive: true });
    await cp(backup, at('log'), { recursive: true });
    // what docs/log-alarms.md says: the operator knows that the log was set back
    for (const name of await readdir(at('state')))
      if (name.startsWith('tail-')) await rm(at('state', name), { recursive: true });
  }

  it('gives its forgotten records back to who restores them, and to nobody else', async () => {
    await writeConfig({ folder: folder.path, registries: [registry.host] });
    await record('kept');
    const backup = join(folder.path, 'backup');
    await cp(at('log'), backup, { recursive: true });
    await record('forgotten');
    await setBack(backup);
    // until another entry stands in its place, it might still come
    await record('later');

    await using served = await serve();
    await served.process.waitFor(/record\.unlogged/);
    const refused = await run('check', image('forgotten'));
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(`tagseal restore ${image('forgotten')}`);
    expect(await run('check', image('kept'))).toMatchObject({ code: 0 });

    const restored = await run('restore', image('forgotten'), image('kept'));
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toMatch(/forgotten +restored/);
    expect(restored.stdout).toMatch(/kept +present/);
    for (const command of ['check', 'verify', 'history'])
      expect(await run(command, image('forgotten'))).toMatchObject({ code: 0, stderr: '' });
    const { leaves, expectedLeaves } = await readServedLedger(served, folder.path);
    expect(leaves).toEqual(expectedLeaves);
    expect(leaves).toHaveLength(6);
  }, 60_000);
});

import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe, tagseal, writeConfig } from '../support/serve.ts';
import { readRecords } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

describe('the folder of the embedded log, while nothing runs', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  beforeEach(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    for (const tag of ['1', '2', '3', '4']) await registry.putImage({ repository: 'app', tag });
    await writeConfig({ folder: folder.path, registries: [registry.host] });
  });
  afterEach(async () => {
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  const image = (tag: string) => `${registry.host}/app:${tag}`;
  const logFolder = () => join(folder.path, 'data', 'log');
  const backup = () => join(folder.path, 'backup');

  async function record(tag: string) {
    const { code, stdout, stderr } = await tagseal(folder.path, 'record', image(tag));
    return { code, text: stdout + stderr };
  }

  async function replaceLog(by: string | undefined): Promise<void> {
    await rm(logFolder(), { recursive: true, force: true });
    if (by !== undefined) await cp(by, logFolder(), { recursive: true });
  }

  async function expectKnown(...tags: readonly string[]): Promise<void> {
    const { code, stdout } = await tagseal(folder.path, 'check', ...tags.map(image));
    expect([code, stdout.match(/\bok\b/g)?.length]).toEqual([0, tags.length]);
    const phases = (await readRecords(folder.path)).map(({ phase }) => phase);
    expect(phases.filter((phase) => phase === 'Unlogged')).toEqual([]);
  }

  it('records nothing new on a backup that is older than the last record, and knows all known tags', async () => {
    expect((await record('1')).code).toBe(0);
    await cp(logFolder(), backup(), { recursive: true });
    expect((await record('2')).code).toBe(0);
    const newest = join(folder.path, 'newest');
    await cp(logFolder(), newest, { recursive: true });
    await replaceLog(backup());
    const refused = await record('3');
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(
      /was set back: it shows a tree of 2 leaves, and has proven records with one of 4/,
    );
    await expectKnown('1', '2');
    await replaceLog(newest);
    expect((await record('3')).code).toBe(0);
    await expectKnown('1', '2', '3');
  });

  it('finds that out, too, when the process that made the last record was killed', async () => {
    await using first = await startServe({ folder: folder.path, registries: [registry.host] });
    const pull = (tag: string) => call(first.proxy, pullPath(registry.host, `app/manifests/${tag}`));
    expect((await pull('1')).status).toBe(200);
    await cp(logFolder(), backup(), { recursive: true });
    expect((await pull('2')).status).toBe(200);
    await first.process.stop('SIGKILL');
    await replaceLog(backup());
    await using again = await startServe({ folder: folder.path, registries: [registry.host] });
    const refused = await call(again.proxy, pullPath(registry.host, 'app/manifests/3'));
    expect([refused.status, refused.text]).toEqual([
      expect.any(Number),
      expect.stringMatching(/was set back/),
    ]);
    const known = await call(again.proxy, pullPath(registry.host, 'app/manifests/2'));
    expect(known.status).toBe(200);
    const { text } = await call(again.admin, '/metrics');
    expect(text).toMatch(/^tagseal_log_forked(?:\{[^}]*\})? 1$/m);
  });

  /** A ledger of one record, and no log any more; the old one is in the backup. */
  async function loseLog(): Promise<string> {
    expect((await record('1')).code).toBe(0);
    await cp(logFolder(), backup(), { recursive: true });
    await replaceLog(undefined);
    return originIn(backup());
  }

  async function originIn(dir: string): Promise<string> {
    const [origin = ''] = (await readFile(join(dir, 'tiles', 'checkpoint'), 'utf8')).split('\n');
    return origin;
  }

  it('makes no new log in the place of a lost one, and goes on once the old one is back', async () => {
    const origin = await loseLog();
    for (const refused of [await record('2'), await tagseal(folder.path, 'check', image('1'))]) {
      expect(refused.code).not.toBe(0);
      const text = 'text' in refused ? refused.text : refused.stderr;
      expect(text).toContain(`holds no log, and this ledger was kept in "${origin}"`);
    }
    expect(await readdir(logFolder())).not.toContain('key.pem');
    await replaceLog(backup());
    expect((await record('2')).code).toBe(0);
    await expectKnown('1', '2');
  });

  it('finds a lost log out by the records alone, too', async () => {
    const origin = await loseLog();
    await rm(join(folder.path, 'data', 'state'), { recursive: true });
    expect((await record('2')).text).toContain(`holds no log, and this ledger was kept in "${origin}"`);
  });

  it('names both logs when another one lies in the folder', async () => {
    const origin = await loseLog();
    await using other = await makeTempFolder();
    await writeConfig({ folder: other.path, registries: [registry.host] });
    expect(await tagseal(other.path, 'record', image('1'))).toMatchObject({ code: 0 });
    await replaceLog(join(other.path, 'data', 'log'));
    const { code, text } = await record('2');
    expect(code).not.toBe(0);
    const found = await originIn(logFolder());
    expect(text).toContain(`holds the log "${found}", and this ledger was kept in "${origin}"`);
  });

  it('goes on with a new log where the old one is named, and known tags count by its proofs', async () => {
    await loseLog();
    const root = JSON.stringify(join(backup(), 'trusted_root.json'));
    const config = [`log: {earlierTrustedRootFiles: [${root}]}`];
    await writeConfig({ folder: folder.path, registries: [registry.host], config });
    expect((await record('2')).code).toBe(0);
    await expectKnown('1', '2');
    expect(await originIn(logFolder())).not.toBe(await originIn(backup()));
    await using served = await startServe({ folder: folder.path, registries: [registry.host], config });
    for (const tag of ['1', '2', '3']) {
      const { status } = await call(served.proxy, pullPath(registry.host, `app/manifests/${tag}`));
      expect([tag, status]).toEqual([tag, 200]);
    }
  });
});

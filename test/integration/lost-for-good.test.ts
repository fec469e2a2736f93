import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe, tagseal } from '../support/serve.ts';
import { IN_THE_LOG } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const FAILING = join(import.meta.dirname, '../support/serve-with-failpoint.ts');

describe('a tag that is claimed in the log and bound to nothing, its record lost', () => {
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

  const image = () => `${registry.host}/app:1`;
  const push = (text: string) => registry.putImage({ repository: 'app', tag: '1', text });
  const loseRecords = () => rm(join(folder.path, 'data/records'), { recursive: true, force: true });
  const settings = () => ({ folder: folder.path, registries: [registry.host] });
  const run = (...args: readonly string[]) => tagseal(folder.path, ...args);

  /** Dies between claim and binding, and the store is lost with it. */
  async function lose(): Promise<void> {
    await push('first');
    const program = { program: FAILING, env: { FAILPOINT: 'claimSubmitted' } };
    await using dying = await startServe({ ...settings(), ...program });
    await expect(call(dying.proxy, pullPath(registry.host, 'app/manifests/1'))).rejects.toThrow();
    await dying.process.exited;
    await loseRecords();
  }

  it('is refused with the way out, and goes on once somebody accepts what it means now', async () => {
    await lose();
    const { digest } = await push('second');
    const refused = await run('record', image());
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('the log holds a claim of it that binds no digest known here');
    expect(refused.stderr).toContain(`tagseal accept ${image()}@`);

    const checked = await run('check', image());
    expect([checked.code, checked.stderr.includes('binds no digest known here')]).toEqual([4, true]);
    expect((await run('explain', image())).stdout).toContain('the log says that it is not new (RECORD_LOST)');

    const accepted = await run(
      'accept',
      `${image()}@${digest}`,
      '--reason',
      'the store was lost',
      '-o',
      'json',
    );
    expect(accepted).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(accepted.stdout)).toMatchObject({
      outcome: 'accepted',
      lost: { generation: 0 },
      record: { digest, generation: 1, phase: expect.stringMatching(IN_THE_LOG) },
    });
    for (const command of ['check', 'record', 'verify']) {
      expect(await run(command, image())).toMatchObject({ code: 0, stderr: '' });
    }
    const history = await run('history', image());
    expect(history.code).toBe(0);
    expect(history.stdout).toContain('the store was lost (the generation before was lost)');
  });

  it('is restored and imported as it was accepted, once that is lost, too', async () => {
    await lose();
    const { digest } = await push('second');
    await run('accept', `${image()}@${digest}`, '--reason', 'the store was lost');
    expect(await run('export', '--output-file', 'all.tar.gz')).toMatchObject({ code: 0 });
    await loseRecords();
    const checked = await run('check', image());
    expect([checked.code, checked.stdout.includes('restorable')]).toEqual([0, true]);
    expect(await run('restore', image())).toMatchObject({ code: 0, stderr: '' });
    expect((await run('history', image())).stdout).toContain(digest);
    await loseRecords();
    expect(await run('import', 'all.tar.gz')).toMatchObject({ code: 0, stderr: '' });
    expect((await run('history', image())).stdout).toContain('the store was lost');
  });
});

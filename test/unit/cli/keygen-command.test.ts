import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { setUpCli } from '../../support/cli-setup.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

describe('tagseal keygen', () => {
  it('writes a private key that only its owner may read, and the public one', async () => {
    await using folder = await makeTempFolder();
    const prefix = join(folder.path, 'mine');
    const { code, stdout } = await setUpCli().run('keygen', '--output-prefix', prefix);
    expect(code).toBe(0);
    expect(stdout).toContain(`${prefix}.pub`);
    expect(await readFile(`${prefix}.key`, 'utf8')).toBe('PRIVATE\n');
    expect(await readFile(`${prefix}.pub`, 'utf8')).toBe('PUBLIC\n');
    expect((await stat(`${prefix}.key`)).mode & 0o777).toBe(0o600);
  });

  it.each(['key', 'pub'])('never writes over a .%s file, and leaves no half of a pair', async (ending) => {
    await using folder = await makeTempFolder();
    const prefix = join(folder.path, 'mine');
    await writeFile(`${prefix}.${ending}`, 'precious');
    const { code, stderr } = await setUpCli().run('keygen', '--output-prefix', prefix);
    expect(code).toBe(2);
    expect(stderr).toContain('never overwritten');
    expect(await readdir(folder.path)).toEqual([`mine.${ending}`]);
    expect(await readFile(`${prefix}.${ending}`, 'utf8')).toBe('precious');
  });

  it('names the files in JSON', async () => {
    await using folder = await makeTempFolder();
    const prefix = join(folder.path, 'mine');
    const { stdout } = await setUpCli().run('keygen', '--output-prefix', prefix, '-o', 'json');
    expect(JSON.parse(stdout)).toEqual({ privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` });
  });
});

import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openBlindingKey, openKeySigner } from '../../../src/compose/key-files.ts';
import { readConfig } from '../../../src/config/read-config.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const configIn = (folder: string, environment = {}) =>
  readConfig({ environment: { TAGSEAL_DATA_DIR: folder, ...environment }, workingDirectory: folder });

const KEYS = [
  { name: 'signer.key', open: openKeySigner },
  { name: 'blinding.key', open: openBlindingKey },
] as const;

describe.each(KEYS)('$name', ({ name, open }) => {
  it('is made at the first start, and is the same at the next', async () => {
    await using folder = await makeTempFolder();
    await open(configIn(folder.path));
    const made = await readFile(join(folder.path, name), 'utf8');
    await open(configIn(folder.path));
    expect(await readFile(join(folder.path, name), 'utf8')).toBe(made);
  });

  it.each(['records/ab', 'log/tiles/tile/0'])(
    'is not made anew where %s shows that tags were recorded with it',
    async (trace) => {
      await using folder = await makeTempFolder();
      await open(configIn(folder.path));
      await rm(join(folder.path, name));
      await mkdir(join(folder.path, trace), { recursive: true });
      expect(await codeOf(() => open(configIn(folder.path)))).toBe('KEY_INVALID');
      expect(existsSync(join(folder.path, name))).toBe(false);
    },
  );

  it('is used as it is where tags were recorded with it', async () => {
    await using folder = await makeTempFolder();
    await open(configIn(folder.path));
    await mkdir(join(folder.path, 'records', 'ab'), { recursive: true });
    expect(await codeOf(() => open(configIn(folder.path)))).toBeUndefined();
  });

  it('is not made where the settings name a file of their own', async () => {
    await using folder = await makeTempFolder();
    const file = join(folder.path, 'mine');
    const named = { TAGSEAL_SIGNER_KEY_FILE: file, TAGSEAL_BLINDING_KEY_FILE: file };
    expect(await codeOf(() => open(configIn(folder.path, named)))).toBe('KEY_INVALID');
    await writeFile(file, 'no key');
    expect(await codeOf(() => open(configIn(folder.path, named)))).toBe('KEY_INVALID');
  });
});

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeDisk, type Disk } from '../../../src/store/directory/disk.ts';
import { makeDirectoryState } from '../../../src/store/directory/state-files.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
let names = 0;

function open(directory: string, disk: Disk = makeDisk()) {
  const state = makeDirectoryState({ directory, uniqueName: () => String(++names), disk });
  return {
    read: () => state.read('tail', signal),
    write: (text: string, version?: string) => state.write('tail', { text, version }, signal),
  };
}

async function writeTimes(state: ReturnType<typeof open>, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    expect(await state.write(`other ${i}`, (await state.read())?.version)).toBe('written');
  }
}

describe('makeDirectoryState', () => {
  it('ignores what a crash left and what is not its own', async () => {
    await using folder = await makeTempFolder();
    const state = open(folder.path);
    await state.write('mine');
    for (const name of ['.9.tmp', '.tail.5.txt.tmp', 'tail.txt', 'tail.x.txt', 'tail.07.txt', 'tail.5.txt~'])
      await writeFile(join(folder.path, name), 'junk');
    expect(await state.read()).toEqual({ text: 'mine', version: '1' });
    expect(await state.write('next', '1')).toBe('written');
    expect(await state.read()).toEqual({ text: 'next', version: '2' });
  });

  it('keeps few of the old versions', async () => {
    await using folder = await makeTempFolder();
    await writeTimes(open(folder.path), 60);
    expect((await readdir(folder.path)).length).toBeLessThan(20);
  });

  it('makes no folder before something is written', async () => {
    await using folder = await makeTempFolder();
    expect(await open(join(folder.path, 'state')).read()).toBeUndefined();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it.each([undefined, '3'])(
    'tells a writer of version %s that it was late, although the name that it wrote was free again',
    async (version) => {
      await using folder = await makeTempFolder();
      const others = open(folder.path);
      if (version !== undefined) await writeTimes(others, Number(version));
      const disk = makeDisk();
      const late = open(folder.path, {
        ...disk,
        async link(from, to) {
          await writeTimes(others, 40);
          return disk.link(from, to);
        },
      });
      expect(await late.write('late', version)).toBe('conflict');
      expect((await others.read())?.text).toBe('other 39');
    },
  );

  it('reads the newest version, although the one that it saw is gone', async () => {
    await using folder = await makeTempFolder();
    const others = open(folder.path);
    await others.write('first');
    const disk = makeDisk();
    let isFirst = true;
    const slow = open(folder.path, {
      ...disk,
      async read(path, limit) {
        if (isFirst) await writeTimes(others, 40);
        isFirst = false;
        return disk.read(path, limit);
      },
    });
    expect(await slow.read()).toEqual({ text: 'other 39', version: '41' });
  });

  it('gives up on a folder in which nothing that is listed can be read', async () => {
    await using folder = await makeTempFolder();
    await open(folder.path).write('first');
    const state = open(folder.path, { ...makeDisk(), read: () => Promise.resolve(undefined) });
    expect(await codeOf(() => state.read())).toBe('STORE_UNAVAILABLE');
  });

  it('says what to do when a document is too large or the folder is none', async () => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'tail.1.txt'), 'x'.repeat(262_145));
    expect(await codeOf(() => open(folder.path).read())).toBe('STORE_UNAVAILABLE');
    const file = join(folder.path, 'tail.1.txt');
    expect(await codeOf(() => open(file).read())).toBe('STORE_UNAVAILABLE');
    expect(await codeOf(() => open(file).write('x'))).toBe('STORE_UNAVAILABLE');
  });
});

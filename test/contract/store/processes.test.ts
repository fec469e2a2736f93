import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { openDirectoryStore } from '../../../src/store/directory-store.ts';
import { runProcess } from '../../support/start-process.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { SILENT } from '../../support/test-log.ts';

const CHILD = fileURLToPath(new URL('../../support/state-writer-child.ts', import.meta.url));
const PROCESSES = 4;
const TIMES = 50;

describe('processes that change one state document of a folder at once', () => {
  it('lose none of their writes', async () => {
    await using folder = await makeTempFolder();
    const exits = await Promise.all(
      Array.from({ length: PROCESSES }, () =>
        runProcess(process.execPath, [CHILD, folder.path, String(TIMES)]),
      ),
    );
    expect(exits.map(({ code }) => code)).toEqual(Array.from({ length: PROCESSES }, () => 0));
    const { state } = openDirectoryStore({ dataDir: folder.path, uniqueName: () => 'none', logger: SILENT });
    const found = await state.read('count', new AbortController().signal);
    expect(found?.text).toBe(String(PROCESSES * TIMES));
  });
});

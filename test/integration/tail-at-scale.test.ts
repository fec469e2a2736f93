import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runTail, tailKilledAt } from '../../bench/tail/run.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { writeForeignLog } from '../support/foreign-log.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const LEAVES = 100_000;
/** A save comes after so many leaves at most. */
const SAVE_LEAVES = 20_000;
const TIMEOUT_MS = 60_000;

describe('the tail of a log of 100,000 foreign entries', () => {
  let folder: TempFolder;
  let trust: LogTrust;
  beforeAll(async () => {
    folder = await makeTempFolder();
    trust = await writeForeignLog(folder.path, LEAVES);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it(
    'reads all of it in less than 150 MB',
    async () => {
      await using data = await makeTempFolder();
      const { from, position, leavesRead, peakRssMb } = await runTail({
        log: folder.path,
        data: data.path,
        trust,
      });
      expect({ from, position, leavesRead }).toEqual({ from: 0, position: LEAVES, leavesRead: LEAVES });
      expect(peakRssMb).toBeLessThan(150);
    },
    TIMEOUT_MS,
  );

  it(
    'goes on after SIGKILL where it was last saved, again and again, and never from the start',
    async () => {
      await using data = await makeTempFolder();
      const wish = { log: folder.path, data: data.path, trust };
      await tailKilledAt(35_000, wish);
      await tailKilledAt(75_000, wish);
      const { from, position, leavesRead } = await runTail(wish);
      expect(from).toBeGreaterThan(75_000 - 2 * SAVE_LEAVES);
      expect({ position, leavesRead }).toEqual({ position: LEAVES, leavesRead: LEAVES - from });
    },
    TIMEOUT_MS,
  );
});

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readLock, takeLock } from '../../../../src/rekor/embedded/lock.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const MAX_PID = 2 ** 22;
const stale = {
  'of a dead process': JSON.stringify({ pid: MAX_PID + 1, token: 'x' }),
  'of an earlier process with our pid': JSON.stringify({ pid: process.pid, started: 'boot 1', token: 'x' }),
  'of an earlier process with a pid in use': JSON.stringify({ pid: 1, started: 'boot 1', token: 'x' }),
  'that is empty': '',
  'that is no JSON': '{"pid":',
  'without a pid': '{"token":"x"}',
  'that is too long': JSON.stringify({ pid: process.pid, token: 'x'.repeat(5_000) }),
};

describe('takeLock', () => {
  it('lets nobody in beside the holder', async () => {
    await using folder = await makeTempFolder();
    await takeLock(folder.path);
    expect(await codeOf(() => takeLock(folder.path))).toBe('LOG_IN_USE');
  });

  it('names the pid of the holder and its url', async () => {
    await using folder = await makeTempFolder();
    await (await takeLock(folder.path)).announce('http://127.0.0.1:9090');
    const message = new RegExp(`process ${process.pid}.*"http://127\\.0\\.0\\.1:9090"`);
    await expect(takeLock(folder.path)).rejects.toThrow(message);
  });

  it('gives one of many that ask at once the lock', async () => {
    await using folder = await makeTempFolder();
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(() => takeLock(folder.path))));
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 'LOG_IN_USE')).toHaveLength(19);
  });

  it.each(Object.entries(stale))('takes over a lock %s', async (_, text) => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'lock'), text);
    const lock = await takeLock(folder.path);
    expect(await lock.isHeld()).toBe(true);
    expect(await codeOf(() => takeLock(folder.path))).toBe('LOG_IN_USE');
    expect(await readdir(folder.path)).toEqual(['lock']);
  });

  it.each(Object.entries(stale))('lets one of many take over a lock %s', async (_, text) => {
    await using folder = await makeTempFolder();
    await writeFile(join(folder.path, 'lock'), text);
    const locks = await Promise.allSettled(Array.from({ length: 10 }, () => takeLock(folder.path)));
    const taken = locks.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const held = await Promise.all(taken.map((lock) => lock.isHeld()));
    expect(held.filter(Boolean)).toHaveLength(1);
  });

  it('is free again after its release', async () => {
    await using folder = await makeTempFolder();
    await (await takeLock(folder.path)).release();
    expect(await readdir(folder.path)).toEqual([]);
    await takeLock(folder.path);
  });

  it('does not release what another process has taken', async () => {
    await using folder = await makeTempFolder();
    const lock = await takeLock(folder.path);
    const other = JSON.stringify({ pid: process.pid, token: 'other' });
    await writeFile(join(folder.path, 'lock'), other);
    expect(await lock.isHeld()).toBe(false);
    await lock.release();
    expect(await readdir(folder.path)).toEqual(['lock']);
  });
});

describe('a lock that the disk does not allow', () => {
  it.each(['a folder in its place', 'a file in place of the folder'])('is refused for %s', async (what) => {
    await using folder = await makeTempFolder();
    const dir = join(folder.path, 'log');
    if (what.startsWith('a folder')) await mkdir(join(dir, 'lock'), { recursive: true });
    else await writeFile(dir, '');
    expect(await codeOf(() => readLock(dir))).toBe('LOG_UNAVAILABLE');
    expect(await codeOf(() => takeLock(dir))).toBe('LOG_UNAVAILABLE');
  });

  it('is refused when its address cannot be announced', async () => {
    await using folder = await makeTempFolder();
    const lock = await takeLock(folder.path);
    await rm(folder.path, { recursive: true });
    expect(await codeOf(() => lock.announce('http://127.0.0.1:9090'))).toBe('LOG_UNAVAILABLE');
  });
});

describe('readLock', () => {
  it('tells pid and url of a living holder', async () => {
    await using folder = await makeTempFolder();
    const lock = await takeLock(folder.path);
    expect((await readLock(folder.path))?.url).toBeUndefined();
    await lock.announce('http://127.0.0.1:9090');
    expect(await readLock(folder.path)).toMatchObject({ pid: process.pid, url: 'http://127.0.0.1:9090' });
    await lock.announce(undefined);
    expect((await readLock(folder.path))?.url).toBeUndefined();
    expect(await lock.isHeld()).toBe(true);
  });

  it.each([['no lock', undefined], ...Object.entries(stale)])(
    'knows of no holder for %s',
    async (_, text) => {
      await using folder = await makeTempFolder();
      if (text !== undefined) await writeFile(join(folder.path, 'lock'), text);
      expect(await readLock(folder.path)).toBeUndefined();
    },
  );
});

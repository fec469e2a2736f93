import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { unavailable } from '../log-answer.ts';
import { systemCode } from '../../errors/system-code.ts';
import { isAlive, startOf } from './process-start.ts';
import { parseHolder, type LockHolder } from './lock-holder.ts';

const LOCK_FILE = 'lock';
/** Each round either wins, or finds a live holder, or removes one stale file. */
const MAX_ROUNDS = 8;

export interface Lock {
  /** Tells other processes where the log can be reached, or with undefined that it cannot. Throws LOG_UNAVAILABLE. */
  announce(url: string | undefined): Promise<void>;
  /** Whether the lock file is still ours: another process may have taken us for dead. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** Makes this process the only writer of the log in `dir`. Throws LOG_IN_USE, LOG_UNAVAILABLE. */
export async function takeLock(dir: string): Promise<Lock> {
  return orUnavailable(dir, () => take(dir));
}

/** The living process that has the log in `dir` open, or undefined. Throws LOG_UNAVAILABLE. */
export async function readLock(dir: string): Promise<LockHolder | undefined> {
  return orUnavailable(dir, async () => {
    const holder = await readHolder(join(dir, LOCK_FILE));
    return holder !== undefined && (await isAlive(holder)) ? holder : undefined;
  });
}

async function take(dir: string): Promise<Lock> {
  const path = join(dir, LOCK_FILE);
  const mine: LockHolder = { pid: process.pid, started: await startOf(process.pid), token: randomUUID() };
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (await tryCreate(path, mine)) return makeLock(dir, mine);
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder))) throw inUse(dir, holder);
    await removeStale(path, holder);
  }
  throw inUse(dir, undefined);
}

function makeLock(dir: string, mine: LockHolder): Lock {
  const path = join(dir, LOCK_FILE);
  const isHeld = async () => (await readHolder(path))?.token === mine.token;
  return {
    isHeld,
    announce: (url) =>
      orUnavailable(dir, async () => {
        const next = await writeBeside(path, { ...mine, url });
        await rename(next, path);
      }),
    async release() {
      if (await isHeld()) await rm(path, { force: true });
    },
  };
}

/** A hard link appears with its whole content or not at all, and fails when the name is taken. */
async function tryCreate(path: string, holder: LockHolder): Promise<boolean> {
  const draft = await writeBeside(path, holder);
  try {
    return await tryLink(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Two processes may see the same stale file: only the one that moved that very file away may go on. */
async function removeStale(path: string, seen: LockHolder | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  // somebody else replaced the stale file since we read it: give theirs back
  if (moved?.token !== seen?.token) await tryLink(aside, path);
  await rm(aside, { force: true });
}

async function orUnavailable<T>(dir: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = systemCode(error) ?? 'an unknown error';
    throw unavailable(`cannot lock the log in ${quote(dir)}: ${why}; check its disk and permissions`, error);
  }
}

async function writeBeside(path: string, holder: LockHolder): Promise<string> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, `${JSON.stringify(holder)}\n`, { flag: 'wx' });
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return draft;
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return parseHolder(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function inUse(dir: string, holder: LockHolder | undefined): AppError {
  const who = holder === undefined ? 'other processes' : `process ${holder.pid}`;
  const todo =
    holder?.url === undefined
      ? 'stop it, or wait until it ends'
      : `use it at ${quote(holder.url)}, or stop it`;
  return new AppError({
    code: 'LOG_IN_USE',
    message: `cannot open the log in ${quote(dir)}: ${who} has it open; ${todo}`,
  });
}

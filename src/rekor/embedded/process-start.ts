import { readFile } from 'node:fs/promises';
import { systemCode } from '../../errors/system-code.ts';
import type { LockHolder } from './lock-holder.ts';

/** Field 22 of /proc/<pid>/stat, counted behind the command name (proc_pid_stat(5)). */
const START_FIELD = 19;

/** When a process started, as boot ID and clock ticks; undefined where /proc does not tell. */
export async function startOf(pid: number): Promise<string | undefined> {
  const [boot, stat] = await Promise.all([
    readOrNothing('/proc/sys/kernel/random/boot_id'),
    readOrNothing(`/proc/${pid}/stat`),
  ]);
  // the command name stands in parentheses and may hold anything
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD];
  return boot === undefined || ticks === undefined ? undefined : `${boot.trim()} ${ticks}`;
}

/** Whether the very process that took a lock still runs; a later process with its pid does not count. */
export async function isAlive({ pid, started }: LockHolder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, and belongs to another user
    if (systemCode(error) !== 'EPERM') return false;
  }
  const now = await startOf(pid);
  return started === undefined || now === undefined || now === started;
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LOOK_EVERY_MS = 250;

/** Runs the work once no living process is at it, by the lock `<folder>.lock`. */
export function alone(folder: string, work: () => void): void {
  const lock = `${folder}.lock`;
  mkdirSync(dirname(lock), { recursive: true });
  while (!take(lock)) {
    if (isHeld(lock)) sleep(LOOK_EVERY_MS);
    else rmSync(lock, { recursive: true, force: true });
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Who has made the folder writes its number at once. */
function isHeld(lock: string): boolean {
  for (let looks = 0; looks < 8; looks++) {
    const pid = pidIn(lock);
    if (pid !== undefined) return isAlive(pid);
    sleep(LOOK_EVERY_MS);
  }
  return false;
}

function pidIn(lock: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(lock, 'pid'), 'utf8'));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

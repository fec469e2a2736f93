import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';

/**
 * Makes `/NAME` in every hierarchy, for a kubelet of its own: two of them at the root remove each other's Pods.
 */
export async function makeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, name);
    await mkdir(folder);
    // version 1 leaves them empty, and then nothing may run there
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!isVersion2() && existsSync(join(folder, file)))
        await writeFile(join(folder, file), await readFile(join(hierarchy, file)));
    }
  }
}

export async function hasCgroups(name: string): Promise<boolean> {
  return (await hierarchies()).some((hierarchy) => existsSync(join(hierarchy, name)));
}

/** Removes what `makeCgroups` made and everything below, once its processes have ended. */
export async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, name);
    for (let tries = 0; existsSync(folder) && tries < 100; tries++) {
      await removeTree(folder).catch(() => pause(100));
    }
  }
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  }
  await rmdir(folder);
}

function isVersion2(): boolean {
  return existsSync(join(ROOT, 'cgroup.controllers'));
}

async function hierarchies(): Promise<readonly string[]> {
  if (isVersion2()) return [ROOT];
  // a mount of several controllers has a link for each
  const entries = await readdir(ROOT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(ROOT, entry.name));
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startProcess } from '../../support/start-process.ts';
import { startNamespace } from '../stack/kubernetes/namespace.ts';
import { until } from '../stack/until.ts';

const CHILD = join(import.meta.dirname, '../stack/kubernetes/hold-namespace-child.ts');
const CGROUPS = '/sys/fs/cgroup';
const PATIENCE_MS = 20_000;

/** What there is of a namespace on this machine. */
async function tracesOf(name: string): Promise<readonly string[]> {
  const groups = (await readdir(CGROUPS)).map((hierarchy) => join(CGROUPS, hierarchy, name));
  return [join('/sys/class/net', name), join(CGROUPS, name), ...groups].filter((path) => existsSync(path));
}

describe('the namespace of a cluster', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'leaves nothing behind when its process ends by %s',
    async (signal) => {
      await using child = startProcess(process.execPath, ['--disable-warning=ExperimentalWarning', CHILD]);
      const [, name = ''] = await child.waitFor(/namespace (\S+)\./);
      expect((await tracesOf(name)).length).toBeGreaterThan(1);
      process.kill(child.pid, signal);
      expect(
        await until(
          () => tracesOf(name),
          (traces) => traces.length === 0,
          PATIENCE_MS,
        ),
      ).toEqual([]);
    },
  );

  it('is one of several side by side, each with addresses of its own', async () => {
    await using one = await startNamespace();
    await using other = await startNamespace();
    expect(
      new Set([one.name, one.address, one.podRange, other.name, other.address, other.podRange]).size,
    ).toBe(6);
  });

  it('has no route but to its own', async () => {
    await using space = await startNamespace();
    const { stdout } = await space.run('ip', ['route']);
    expect(stdout).not.toContain('default');
    const { code } = await space.run('ip', ['route', 'get', '192.0.2.1']);
    expect(code).toBe(2);
  });
});

// A process that owns namespaces for network, mounts and processes, and cgroups: `node namespace-holder.ts NAME`. It
// outlives its parent just long enough to clean up: when its standard input ends, in whatever way the parent ended, it
// kills the first process of the namespace, and with that the kernel ends every other, every mount and every link.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { makeCgroups, removeCgroups } from './cgroups.ts';

/** Folders in which Kubernetes' programs write beside their own: empty ones, that go with the namespace. */
const SCRATCH = ['/run', '/var/log', '/var/lib'];

const FIRST_PROCESS = [
  'set -e',
  'mount --make-rshared /',
  ...SCRATCH.map((folder) => `mount -t tmpfs tmpfs ${folder}`),
  'mkdir -p /run/netns /run/lock',
  'ip link set lo up',
  'echo up',
  // a shell that waits also buries what other processes left behind
  'sleep infinity & wait',
].join('\n');

const [name = ''] = process.argv.slice(2);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

await makeCgroups(name);
const unshare = spawn(
  'setpriv',
  [
    ...['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child=KILL'],
    ...['--mount-proc', '--', 'bash', '-c', FIRST_PROCESS],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
unshare.stdout.once('data', () => void announce());
const ended = once(unshare, 'exit');
await Promise.race([text(process.stdin).catch(() => ''), ended]);
unshare.kill('SIGKILL');
await ended;
await removeCgroups(name);

async function announce(): Promise<void> {
  const children = await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8');
  process.stdout.write(`ready ${children.trim()}\n`);
}

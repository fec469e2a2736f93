import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runProcess, type Finished } from '../../../support/start-process.ts';
import { onPath } from '../install.ts';
import { SERVICE_RANGE } from './api-server.ts';
import { hasCgroups } from './cgroups.ts';
import type { Place } from './place.ts';

const MOST = 250;

/** A network, process and mount namespace with one link to this process, and no way out. */
export interface StartedNamespace extends Place, AsyncDisposable {
  /** Unique on this machine; also the name of its cgroups. */
  readonly name: string;
  /** This side of the link: a server that listens here is reached from inside. */
  readonly hostAddress: string;
  /** Addresses of Pods, reached from here too. */
  readonly podRange: string;
  /** Runs a program inside, to its end. */
  run(command: string, args: readonly string[]): Promise<Finished>;
}

/**
 * Makes a namespace in which `address` and `hostAddress` are the two ends of a link and Services have a route to nowhere.
 * There is no default route. When the handle is disposed of, or this process ends in any way, everything in it ends.
 */
export async function startNamespace(): Promise<StartedNamespace> {
  if (process.getuid?.() !== 0) throw new Error('a cluster needs namespaces and cgroups: run it as root');
  const { number, link } = await makeLink();
  const name = link;
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'namespace-holder.ts'), name], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for this process alone: the holder has to clean up
    detached: true,
  });
  const ended = once(holder, 'exit');
  async function stop(): Promise<void> {
    holder.stdin.end();
    await ended;
    // gone with the namespace, unless there never was one
    await runProcess(ip(), ['link', 'delete', link]);
  }
  try {
    const pid = await firstProcess(holder.stdout);
    const enter = ['--target', pid, '--net', '--mount', '--pid', '--'];
    const launch: Place['launch'] = (command, args) => [
      'nsenter',
      // the program is a child of nsenter: it dies with it, so that a signal to the one is one to the other
      [...enter, 'setpriv', '--pdeathsig', 'KILL', '--', command, ...args],
    ];
    const space: Omit<StartedNamespace, keyof AsyncDisposable> = {
      name,
      address: `10.77.${number}.2`,
      hostAddress: `10.77.${number}.1`,
      podRange: `10.78.${number}.0/24`,
      launch,
      run: (command, args) => runProcess(...launch(command, args)),
    };
    await connect(space, link, pid);
    return { ...space, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Takes the first free number: making a link of that name is the test, since only one can succeed. */
async function makeLink(): Promise<{ readonly number: number; readonly link: string }> {
  let last = '';
  for (let number = 1; number <= MOST; number++) {
    const link = `tagseal-${number}`;
    // another one is not yet done with it
    if (await hasCgroups(link)) continue;
    const made = await runProcess(ip(), [
      ...['link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}-in`],
    ]);
    if (made.code === 0) return { number, link };
    last = made.stderr;
  }
  throw new Error(`cannot make a network link:\n${last}`);
}

async function connect(
  space: Omit<StartedNamespace, keyof AsyncDisposable>,
  link: string,
  pid: string,
): Promise<void> {
  const { address, hostAddress, podRange } = space;
  const outside = [
    ['link', 'set', `${link}-in`, 'netns', pid, 'name', 'eth0'],
    ['address', 'add', `${hostAddress}/30`, 'dev', link],
    ['link', 'set', link, 'up'],
  ];
  const inside = [
    ['address', 'add', `${address}/30`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
    // kube-proxy rewrites the address after there was a route for it
    ['route', 'add', SERVICE_RANGE, 'dev', 'eth0'],
  ];
  for (const args of outside) await must(runProcess(ip(), args));
  for (const args of inside) await must(space.run(ip(), args));
  // has a gateway only now
  await must(runProcess(ip(), ['route', 'add', podRange, 'via', address]));
  await must(space.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']));
}

async function must(finished: Promise<Finished>): Promise<void> {
  const { code, stderr } = await finished;
  if (code !== 0) throw new Error(`cannot set up the network:\n${stderr}`);
}

function ip(): string {
  return onPath('ip') ?? 'ip';
}

async function firstProcess(output: AsyncIterable<unknown>): Promise<string> {
  // ends without a line when the holder has ended
  for await (const chunk of output) {
    const [, pid] = /^ready (\d+)\n/.exec(String(chunk)) ?? [];
    if (pid !== undefined) return pid;
  }
  throw new Error('cannot make namespaces: see above');
}

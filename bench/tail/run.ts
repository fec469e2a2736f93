import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';

export interface TailWish {
  /** Folder of the log's files. */
  readonly log: string;
  /** Folder of the process's own state. */
  readonly data: string;
  readonly trust: LogTrust;
}

export interface TailFigures {
  /** Where it went on. */
  readonly from: number;
  readonly leavesRead: number;
  readonly position: number;
  /** From its first look at the log to the end of it. */
  readonly seconds: number;
  /** Of the whole process. */
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));

/** Tails the log to its end in a process of its own. */
export async function runTail(wish: TailWish): Promise<TailFigures> {
  const child = startChild(wish);
  const said = await linesOf(child);
  const told = new Map(said.flatMap((each) => Object.entries(each)));
  const figure = (name: keyof TailFigures): number => {
    const value: unknown = told.get(name);
    if (typeof value === 'number') return value;
    throw new Error(`the tail ended without ${name}: ${JSON.stringify(said)}`);
  };
  return {
    from: figure('from'),
    leavesRead: figure('leavesRead'),
    position: figure('position'),
    seconds: figure('seconds'),
    cpuSeconds: figure('cpuSeconds'),
    peakRssMb: figure('peakRssMb'),
  };
}

/** Tails the log until it has asked for this leaf, and kills the process there. */
export async function tailKilledAt(leaf: number, wish: TailWish): Promise<void> {
  const child = startChild(wish, String(leaf));
  await linesOf(child, () => child.kill('SIGKILL'));
}

function startChild({ log, data, trust }: TailWish, ...stallAt: readonly string[]): ChildProcess {
  const args = [
    '--disable-warning=ExperimentalWarning',
    CHILD,
    log,
    data,
    trust.origin,
    trust.spki,
    ...stallAt,
  ];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What the child tells until it ends; `onStall` when it hangs as it was told to. */
async function linesOf(child: ChildProcess, onStall?: () => void): Promise<readonly object[]> {
  if (child.stdout === null) throw new Error('the child has no output');
  const ended = once(child, 'close');
  const said: object[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) continue;
    said.push(value);
    if ('stalled' in value) onStall?.();
  }
  await ended;
  return said;
}

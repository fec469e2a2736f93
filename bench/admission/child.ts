import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gets stdout too when the program announces itself on stderr. */
  readonly logFile: string;
  readonly announcesOn: 'stdout' | 'stderr';
}

/** However this process ends, its children end first. */
const ENDS = ['SIGINT', 'SIGTERM', 'exit'] as const;

/** A Node program as a process of its own. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Resolves with the match once the announcing stream holds it; rejects when the process ends before. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
}

/** What the program does not announce goes to a file: reading it would burden the load generator. */
export function startChild({ args, env = {}, logFile, announcesOn }: ChildOptions): Child {
  const file = openSync(logFile, 'a');
  const process_ = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    env: { ...process.env, ...env },
    stdio: announcesOn === 'stdout' ? ['ignore', 'pipe', file] : ['ignore', file, 'pipe'],
  });
  let text = '';
  const watchers = new Set<() => void>();
  const stream = announcesOn === 'stdout' ? process_.stdout : process_.stderr;
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (const watch of watchers) watch();
  });
  const kill = () => void process_.kill('SIGKILL');
  for (const end of ENDS) process.once(end, kill);
  process_.once('close', () => {
    for (const end of ENDS) process.removeListener(end, kill);
    for (const watch of watchers) watch();
  });

  return {
    pid: process_.pid ?? -1,
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        function watch(): void {
          const match = pattern.exec(text);
          if (match === null && !hasEnded(process_)) return;
          watchers.delete(watch);
          if (match !== null) resolve(match);
          else reject(new Error(`${args.join(' ')} ended without ${String(pattern)}:\n${text}`));
        }
        watchers.add(watch);
        watch();
      }),
    async [Symbol.asyncDispose]() {
      if (hasEnded(process_)) return;
      const closed = once(process_, 'close');
      process_.kill('SIGTERM');
      const cut = setTimeout(() => process_.kill('SIGKILL'), 15_000);
      await closed;
      clearTimeout(cut);
    },
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Keeps all threads of a process on one core. False where that cannot be done. */
export function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 60_000;

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Of runProcess. */
  readonly timeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess extends AsyncDisposable {
  readonly pid: number;
  /** Everything written so far, both streams together. */
  output(): string;
  /** Resolves with the match once the output holds it; rejects with the output when the process ends before, or in a minute. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  readonly exited: Promise<Exit>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

/** Starts a program; it is killed when the handle is disposed of. */
export function startProcess(
  command: string,
  args: readonly string[],
  { env = {}, cwd }: ProcessOptions = {},
): RunningProcess {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let ended: Exit | undefined;
  const watchers = new Set<() => void>();
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = { code, signal };
      resolve(ended);
      for (const watch of watchers) watch();
    });
  });
  exited.catch((error: unknown) => (text += String(error)));
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      text += chunk;
      for (const watch of watchers) watch();
    });
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    if (ended === undefined) child.kill(signal);
    return exited;
  }

  return {
    pid: child.pid ?? -1,
    output: () => text,
    exited,
    stop,
    waitFor(pattern) {
      return new Promise((resolve, reject) => {
        let isLate = false;
        const watch = () => {
          const match = pattern.exec(text);
          if (match === null && ended === undefined && !isLate) return;
          watchers.delete(watch);
          clearTimeout(patience);
          const state = ended === undefined ? 'runs' : `ended (${JSON.stringify(ended)})`;
          if (match !== null) resolve(match);
          else reject(new Error(`${command} ${state} without ${pattern}:\n${text}`));
        };
        // a test that hangs would leave the process behind
        const patience = setTimeout(() => {
          isLate = true;
          watch();
        }, PATIENCE_MS);
        watchers.add(watch);
        watch();
      });
    },
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL').catch(() => undefined);
    },
  };
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Far longer than any of them takes; a program that hangs is killed, and the test fails by its exit. */
const RUN_LIMIT_MS = 150_000;

/** Runs a program to its end. */
export async function runProcess(
  command: string,
  args: readonly string[],
  { env = {}, cwd, input, timeoutMs = RUN_LIMIT_MS }: ProcessOptions = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: 'pipe',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}

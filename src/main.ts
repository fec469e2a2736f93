import { once } from 'node:events';
import { userInfo } from 'node:os';
import { parse } from 'node:path';
import process from 'node:process';
import { addAbortSignal } from 'node:stream';
import { isatty } from 'node:tty';
import { setFlagsFromString } from 'node:v8';
import { MAX_DOCUMENT_BYTES } from './cli/pin/limits.ts';
import type { Io } from './cli/ports.ts';
import { readAtMost } from './cli/read-at-most.ts';
import { runCli } from './cli/run-cli.ts';
import { EXIT } from './cli/exit-code.ts';
import { failureLine, toFailure } from './cli/failure.ts';
import { composePrograms } from './compose.ts';
import { VERSION } from './version.ts';

const debug = process.env['TAGSEAL_LOG_LEVEL'] === 'debug';

function makeIo(): Io {
  const signal = stopSignal();
  const noColor = (process.env['NO_COLOR'] ?? '') !== '';
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    stdoutBytes: async (bytes) => {
      if (!process.stdout.writable || process.stdout.write(bytes)) return;
      await once(process.stdout, 'drain', { signal }).catch(ignoreClosedPipe);
    },
    readStdin: () => readAtMost(addAbortSignal(signal, process.stdin), MAX_DOCUMENT_BYTES),
    stdin: () => addAbortSignal(signal, process.stdin),
    isTerminal: isatty(2),
    outputIsTerminal: isatty(1),
    color: isatty(1) && !noColor,
    userName,
    signal,
    version: VERSION,
    nodeVersion: process.versions.node,
  };
}

/** A container may run under a number that has no name. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** Aborts at the first Ctrl-C or SIGTERM; the second one finds no listener any more and ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return controller.signal;
}

/** `tagseal history x | head -1`: a reader that has seen enough is no failure. */
function ignoreClosedPipe(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
}

function crash(error: unknown): void {
  process.stderr.write(failureLine(toFailure(error, debug).message));
  process.exit(EXIT.internal);
}

async function main(): Promise<void> {
  // V8 learns from slow first sights that reviews live long, and then keeps every fast one until the next full collection
  setFlagsFromString('--no-allocation-site-pretenuring');
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);
  process.on('unhandledRejection', crash).on('uncaughtException', crash);
  const programs = composePrograms({ environment: process.env, workingDirectory: process.cwd() });
  // kubectl runs the program of that name as its plugin
  const isPlugin = parse(process.argv[1] ?? '').name === 'kubectl-tagseal';
  const as = isPlugin ? 'kubectl tagseal' : 'tagseal';
  process.exitCode = await runCli(process.argv.slice(2), { io: makeIo(), programs, as, debug });
}

void main();

import type { Command } from 'commander';
import pc from 'picocolors';
import { AppError } from '../errors/app-error.ts';
import { EXIT } from './exit-code.ts';
import { failureLine } from './failure.ts';
import type { Outcome } from './outcome.ts';
import type { Io, Programs, Runtime } from './ports.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly output: 'table' | 'json';
  /** Milliseconds. */
  readonly timeout: number;
  readonly color: boolean;
}

export interface CliParts {
  readonly io: Io;
  readonly programs: Programs;
  /** Shows the cause of an unexpected error. */
  readonly debug?: boolean;
}

/** What one run of one command works with. */
export interface Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly colors: Colors;
  readonly debug: boolean;
  readonly runtime: Runtime;
  /** Aborts at the deadline and at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Opens the runtime, works until the deadline, closes it, and only then writes what came of it. Gives the exit code. */
export async function runSession(
  { io, programs, debug = false }: CliParts,
  command: Command,
  work: (session: Session) => Promise<Outcome>,
): Promise<number> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const colors = pc.createColors(io.color && options.color);
  const runtime = await programs.openRuntime(options.config);
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), options.timeout);
  const signal = AbortSignal.any([io.signal, deadline.signal]);
  try {
    return write(io, await work({ io, options, colors, debug, runtime, signal }));
  } catch (error) {
    if (io.signal.aborted) return write(io, { code: EXIT.ok });
    if (deadline.signal.aborted && !(error instanceof AppError)) throw tooLate(options.timeout, error);
    throw error;
  } finally {
    clearTimeout(timer);
    await runtime.close();
  }
}

function write(io: Io, { stdout = '', problems = [], code }: Outcome): number {
  if (io.signal.aborted) {
    io.stderr(failureLine('interrupted'));
    return EXIT.interrupted;
  }
  if (stdout !== '') io.stdout(stdout);
  for (const problem of problems) io.stderr(failureLine(problem));
  return code;
}

function tooLate(timeout: number, cause: unknown): AppError {
  const message = `the command was not done within ${timeout / 1000} s; try again, or allow more with --timeout`;
  return new AppError({ code: 'DEADLINE_EXCEEDED', message, cause });
}

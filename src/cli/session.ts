import type { Command } from 'commander';
import pc from 'picocolors';
import { AppError } from '../errors/app-error.ts';
import { EXIT } from './exit-code.ts';
import { failureLine } from './failure.ts';
import type { Outcome } from './outcome.ts';
import type { Io, Programs, ReadRuntime, Runtime } from './ports.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** The options that every command takes; `--config` of `tagseal` alone. */
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
  /** Under which name the program was called. */
  readonly as?: 'tagseal' | 'kubectl tagseal';
  /** Shows the cause of an unexpected error. */
  readonly debug?: boolean;
}

/** What one run of one command works with. */
export interface Session<Opened extends ReadRuntime = Runtime> {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly colors: Colors;
  readonly debug: boolean;
  readonly runtime: Opened;
  /** Aborts at the deadline and at Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Of a command that only reads. */
export type ReadSession = Session<ReadRuntime>;

/** `whole`: the work grows with the ledger, so only a time limit that was asked for holds. */
export type Extent = 'one' | 'whole';

/** Opens the runtime of the config, works until the deadline, closes it. Gives the exit code. */
export function runSession(
  parts: CliParts,
  command: Command,
  work: (session: Session) => Promise<Outcome>,
  extent: Extent = 'one',
): Promise<number> {
  const { config } = command.optsWithGlobals<GlobalOptions>();
  return runOpened({ parts, command, extent, open: () => parts.programs.openRuntime(config) }, work);
}

export interface Run<Opened> {
  readonly parts: CliParts;
  readonly command: Command;
  readonly extent: Extent;
  readonly open: (signal: AbortSignal) => Promise<Opened>;
}

/** Opens a runtime, works until the deadline, closes it, and only then writes what came of it. Gives the exit code. */
export async function runOpened<Opened extends ReadRuntime>(
  { parts: { io, debug = false }, command, extent, open }: Run<Opened>,
  work: (session: Session<Opened>) => Promise<Outcome>,
): Promise<number> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const colors = pc.createColors(io.color && options.color);
  using deadline = startDeadline(timeLimit(command, extent));
  const signal = AbortSignal.any([io.signal, deadline.signal]);
  try {
    const runtime = await open(signal);
    try {
      return write(io, await work({ io, options, colors, debug, runtime, signal }));
    } finally {
      await runtime.close();
    }
  } catch (error) {
    if (io.signal.aborted) return write(io, { code: EXIT.ok });
    throw deadline.explain(error);
  }
}

/** Milliseconds; undefined for none. */
export function timeLimit(command: Command, extent: Extent): number | undefined {
  const asked = command.getOptionValueSourceWithGlobals('timeout') !== 'default';
  return asked || extent === 'one' ? command.optsWithGlobals<GlobalOptions>().timeout : undefined;
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The error, or DEADLINE_EXCEEDED for a foreign one that came after the deadline. */
  explain(error: unknown): unknown;
}

export function startDeadline(limitMs: number | undefined): Deadline {
  const controller = new AbortController();
  const timer = limitMs === undefined ? undefined : setTimeout(() => controller.abort(), limitMs);
  return {
    signal: controller.signal,
    explain(error) {
      if (limitMs === undefined || !controller.signal.aborted || error instanceof AppError) return error;
      return tooLate(limitMs, error);
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
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

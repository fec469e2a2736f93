import { CommanderError } from 'commander';
import { EXIT, exitCodeOfReason } from './exit-code.ts';
import { failureLine, toFailure } from './failure.ts';
import { makeKubectlProgram } from './kubectl/program.ts';
import { makeProgram } from './program.ts';
import { errorJson, toJson } from './render-json.ts';
import type { CliParts, GlobalOptions } from './session.ts';

/** Runs one command line, without the program's name, to its exit code. Never throws and never ends the process. */
export async function runCli(argv: readonly string[], parts: CliParts): Promise<number> {
  const { io, debug = false, as = 'tagseal' } = parts;
  const { command, exitCode } = as === 'tagseal' ? makeProgram(parts) : makeKubectlProgram(parts);
  try {
    await command.parseAsync(argv, { from: 'user' });
    return exitCode();
  } catch (error) {
    // commander has written its line, or the help, already
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = toFailure(error, debug);
    if (command.opts<GlobalOptions>().output === 'json') io.stdout(toJson(errorJson(failure)));
    io.stderr(failureLine(failure.message));
    return exitCodeOfReason(failure.code);
  }
}

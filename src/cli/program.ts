import { Argument, Command, Option } from 'commander';
import { archiveCommands } from './archive/commands.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import { parseDuration } from './duration.ts';
import { failureLine } from './failure.ts';
import { writeKeyPair } from './keygen-command.ts';
import { ledgerCommands } from './ledger-commands.ts';
import { monitorCommand } from './monitor/command.ts';
import { printable } from './printable.ts';
import { toJson } from './render-json.ts';
import { serveUntilStopped } from './serve-command.ts';
import type { CliParts, GlobalOptions } from './session.ts';
import { tagCommands } from './tag-commands.ts';
import { withExample, type Registry } from './registry.ts';

export interface Program {
  readonly command: Command;
  /** The exit code of the command that ran. */
  readonly exitCode: () => number;
}

/** Every command and option of `tagseal`. Parsing throws CommanderError for wrong usage, help and version. */
export function makeProgram(parts: CliParts): Program {
  let code = 0;
  const program = makeRoot(parts);
  const registry: Registry = {
    program,
    parts,
    exitWith: (next) => {
      code = next;
    },
  };
  tagCommands(registry);
  ledgerCommands(registry);
  archiveCommands(registry);
  monitorCommand(registry);
  serviceCommands(registry);
  return { command: program, exitCode: () => code };
}

function serviceCommands({ program, parts }: Registry): void {
  const { io, programs } = parts;
  withExample(program.command('keygen'), 'tagseal keygen --output-prefix production')
    .description('make a signing key: PREFIX.key and PREFIX.pub')
    .option('--output-prefix <prefix>', 'path of the files without their ending', 'tagseal')
    .action(async ({ outputPrefix }: { outputPrefix: string }, command: Command) => {
      const files = await writeKeyPair(() => programs.generateKey(), outputPrefix);
      const { output } = command.optsWithGlobals<GlobalOptions>();
      const told = `private key ${printable(files.privateKey)}\npublic key  ${printable(files.publicKey)}\n`;
      io.stdout(output === 'json' ? toJson(files) : told);
    });
  withExample(program.command('serve'), 'tagseal serve --config tagseal.yaml')
    .description('run the pull proxy and the admission webhook until stopped')
    .action(async (_options: unknown, command: Command) => {
      await serveUntilStopped(parts, command.optsWithGlobals<GlobalOptions>().config);
    });
  withExample(program.command('completion'), 'source <(tagseal completion bash)')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => io.stdout(completionScript(program, shell)));
}

function makeRoot({ io }: CliParts): Command {
  return new Command('tagseal')
    .description('Makes container image tags immutable, with public evidence in a transparency log.')
    .version(io.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--config <file>', 'settings; default: TAGSEAL_CONFIG, else tagseal.yaml if it is there')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .addOption(
      new Option('--timeout <time>', 'time limit of a command, for example 500ms, 60s, 2m')
        .argParser(parseDuration)
        .default(60_000, '60s; none for restore, export, import and monitor'),
    )
    .option('--no-color', 'no colors; NO_COLOR does the same')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout(text),
      writeErr: (text) => io.stderr(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(usageLine(text)),
    })
    .exitOverride();
}

/** Commander's complaint, which may have a line with a suggestion, as our one line. */
function usageLine(text: string): string {
  const [first = '', ...more] = text
    .replace(/^error: /, '')
    .trimEnd()
    .split('\n');
  const hint = more.join(' ').replace(/^\(Did/, '(did');
  return failureLine(printable(hint === '' ? `${first}; see tagseal --help` : `${first} ${hint}`));
}

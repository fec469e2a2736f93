import { Command, Option, type OutputConfiguration } from 'commander';
import { parseDuration } from './duration.ts';
import { failureLine } from './failure.ts';
import type { Io } from './ports.ts';
import { printable } from './printable.ts';

export interface Root {
  readonly name: string;
  readonly description: string;
  /** After the version, before what both programs have. */
  readonly options: readonly Option[];
  /** The commands to which no time limit applies unless asked for. */
  readonly unlimited: string;
}

/** The program itself, and the options that every command takes. */
export function makeRoot(io: Io, { name, description, options, unlimited }: Root): Command {
  const root = new Command(name)
    .description(description)
    .version(io.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command');
  for (const option of options) root.addOption(option);
  return root
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
    )
    .addOption(
      new Option('--timeout <time>', 'time limit of a command, for example 500ms, 60s, 2m')
        .argParser(parseDuration)
        .default(60_000, `60s; none for ${unlimited}`),
    )
    .option('--no-color', 'no colors; NO_COLOR does the same')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(outputOf(io, name))
    .exitOverride();
}

function outputOf(io: Io, name: string): OutputConfiguration {
  return {
    writeOut: (text) => io.stdout(text),
    writeErr: (text) => io.stderr(text),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
    outputError: (text, write) => write(usageLine(text, name)),
  };
}

/** A complaint about one command points to the help of that one. */
export function nameUsageLines(root: Command, io: Io): void {
  for (const command of root.commands) {
    command.configureOutput(outputOf(io, `${root.name()} ${command.name()}`));
  }
}

/** Commander's complaint, which may have a line with a suggestion, as our one line. */
function usageLine(text: string, name: string): string {
  const [first = '', ...more] = text
    .replace(/^error: /, '')
    .trimEnd()
    .replace(/\.$/, '')
    .split('\n');
  const hint = more.join(' ').replace(/^\(Did/, '(did');
  return failureLine(printable(hint === '' ? `${first}; see ${name} --help` : `${first} ${hint}`));
}

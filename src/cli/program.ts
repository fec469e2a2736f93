import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import { archiveCommands } from './archive/commands.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import { keygenCommand } from './keygen-command.ts';
import { ledgerCommands } from './ledger-commands.ts';
import { monitorCommand } from './monitor/command.ts';
import { makeRoot, nameUsageLines } from './root.ts';
import { scanCommand } from './scan-command.ts';
import { serveUntilStopped } from './serve-command.ts';
import { runSession, type CliParts, type GlobalOptions } from './session.ts';
import { tagCommands } from './tag-commands.ts';
import { versionCommand } from './version-command.ts';
import { withExample, type Registry } from './registry.ts';

export interface Program {
  readonly command: Command;
  /** The exit code of the command that ran. */
  readonly exitCode: () => number;
}

/** Every command and option of `tagseal`. Parsing throws CommanderError for wrong usage, help and version. */
export function makeProgram(parts: CliParts): Program {
  let code = 0;
  const program = makeRoot(parts.io, {
    unlimited: 'restore, export, import and monitor',
    name: 'tagseal',
    description: 'Makes container image tags immutable, with public evidence in a transparency log.',
    options: [
      new Option('--config <file>', 'settings; default: TAGSEAL_CONFIG, else tagseal.yaml if it is there'),
    ],
  });
  const exitWith = (next: number) => {
    code = next;
  };
  const registry: Registry = {
    program,
    parts,
    exitWith,
    async read(command, work, extent) {
      exitWith(await runSession(parts, command, work, extent));
    },
  };
  tagCommands(registry);
  ledgerCommands(registry);
  archiveCommands(registry);
  monitorCommand(registry);
  scanCommand(registry, 'all namespaces that have a mode').option(
    '-n, --namespace <name>',
    'in this namespace, whatever its mode',
  );
  serviceCommands(registry);
  nameUsageLines(program, parts.io);
  return { command: program, exitCode: () => code };
}

function serviceCommands(registry: Registry): void {
  keygenCommand(registry);
  versionCommand(registry);
  const { program, parts } = registry;
  const { io } = parts;
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

import type { Command } from 'commander';
import type { CliParts } from './session.ts';

/** Where a group of commands adds itself. */
export interface Registry {
  readonly program: Command;
  readonly parts: CliParts;
  readonly exitWith: (code: number) => void;
}

/** The command, with examples below its help. */
export function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${examples.map((line) => `  $ ${line}`).join('\n')}`);
}

import type { Command } from 'commander';
import type { Outcome } from './outcome.ts';
import type { CliParts, Extent, ReadSession } from './session.ts';

/** Where commands that only read add themselves: to `tagseal`, and to `kubectl tagseal`. */
export interface ReadRegistry {
  readonly program: Command;
  /** Opens what the program reads, and exits with what came of the work. */
  readonly read: (
    command: Command,
    work: (session: ReadSession) => Promise<Outcome>,
    extent?: Extent,
  ) => Promise<void>;
}

/** Where a group of commands adds itself. */
export interface Registry extends ReadRegistry {
  readonly parts: CliParts;
  readonly exitWith: (code: number) => void;
}

/** The command, with examples below its help: lines that begin with `tagseal`, under whatever name the program runs. */
export function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', (context) => {
    const name = context.command.parent?.name() ?? 'tagseal';
    const lines = examples.map(
      (line) => `  $ ${line.replaceAll(/(?<![\w/.-])tagseal (?=[a-z])/g, `${name} `)}`,
    );
    return `\nExample:\n${lines.join('\n')}`;
  });
}

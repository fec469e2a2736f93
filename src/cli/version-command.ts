import type { Command } from 'commander';
import { withExample, type Registry } from './registry.ts';
import { toJson } from './render-json.ts';
import type { GlobalOptions } from './session.ts';

/** The command `version`, which opens nothing: `--version` with what a bug report needs beside it. */
export function versionCommand({ program, parts: { io } }: Pick<Registry, 'program' | 'parts'>): void {
  withExample(program.command('version'), 'tagseal version --output json')
    .description('print the version, and the Node that runs it')
    .action((_options: unknown, command: Command) => {
      const { version, nodeVersion } = io;
      const { output } = command.optsWithGlobals<GlobalOptions>();
      io.stdout(
        output === 'json'
          ? toJson({ version, node: nodeVersion })
          : `tagseal ${version}, node ${nodeVersion}\n`,
      );
    });
}

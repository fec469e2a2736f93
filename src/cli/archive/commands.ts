import type { Command } from 'commander';
import { withExample, type ReadRegistry, type Registry } from '../registry.ts';
import { runSession } from '../session.ts';
import { exportRecords, type ExportOptions } from './export-command.ts';
import { importArchive, type ImportOptions } from './import-command.ts';

/** The ledger as one file. */
export function exportCommand({ program, read }: ReadRegistry): void {
  withExample(
    program.command('export'),
    'tagseal export --output-file ledger.tar.gz',
    'tagseal export ghcr.io/acme/api:1.4.2 > api.tar.gz',
  )
    .description('write records with their evidence into one archive')
    .argument('[ref...]', 'tags, with every generation; none: the whole ledger')
    .option('--output-file <file>', 'where to; "-": standard output', '-')
    .action((refs: string[], options: ExportOptions, command: Command) =>
      read(command, (session) => exportRecords(session, refs, options), 'whole'),
    );
}

/** `export` and `import`. */
export function archiveCommands(registry: Registry): void {
  exportCommand(registry);
  const { program, parts, exitWith } = registry;
  withExample(
    program.command('import'),
    'tagseal import ledger.tar.gz --dry-run',
    'tagseal import ledger.tar.gz',
  )
    .description('add the records of an archive to the store, each once it is verified; replaces none')
    .argument('<file>', 'an archive of tagseal export; "-": standard input')
    .option('--dry-run', 'verify and compare, and write nothing')
    .action(async (file: string, options: ImportOptions, command: Command) => {
      exitWith(await runSession(parts, command, (session) => importArchive(session, file, options), 'whole'));
    });
}

import type { Command } from 'commander';
import { showIdentity } from './identity-command.ts';
import { withExample, type Registry } from './registry.ts';
import { restoreRecords, type RestoreOptions } from './restore-command.ts';
import { runSession } from './session.ts';

/** The commands about the ledger as a whole: its records and its signer. */
export function ledgerCommands({ program, parts, exitWith }: Registry): void {
  withExample(
    program.command('restore'),
    'tagseal restore alpine:3.20 ghcr.io/acme/api:1.4.2',
    'tagseal restore -f tags.txt',
  )
    .description('write lost records to the store again, from the log alone')
    .argument('[ref...]', 'tags; with a digest where the tag has moved since')
    .option('-f, --filename <file>', 'more of them, one in a line; "-": from standard input')
    .action(async (refs: string[], options: RestoreOptions, command: Command) => {
      exitWith(
        await runSession(parts, command, (session) => restoreRecords(session, refs, options), 'whole'),
      );
    });
  withExample(program.command('identity'), 'tagseal identity')
    .description('show who signs the records, and how others pin that')
    .action(async (_options: unknown, command: Command) => {
      exitWith(await runSession(parts, command, showIdentity));
    });
}

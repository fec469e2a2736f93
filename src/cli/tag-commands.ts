import type { Command } from 'commander';
import { acceptMove, type AcceptOptions } from './accept-command.ts';
import { checkImages } from './check-command.ts';
import { explainImage } from './explain-command.ts';
import { showHistory } from './history-command.ts';
import { pinFiles, type PinOptions } from './pin-command.ts';
import { withExample, type ReadRegistry, type Registry } from './registry.ts';
import { runSession } from './session.ts';
import { verifyRecords } from './verify-command.ts';

/** The commands about tags that somebody names. */
export function tagCommands(registry: Registry): void {
  checking(registry);
  recording(registry);
  telling(registry);
  pinning(registry, { mayRecord: true });
}

/** Those of them that only read. */
export function readCommands(registry: ReadRegistry): void {
  checking(registry);
  telling(registry);
  pinning(registry, { mayRecord: false });
}

function checking({ program, read }: ReadRegistry): void {
  withExample(program.command('check'), 'tagseal check alpine:3.20 ghcr.io/acme/api:1.4.2')
    .description('say whether tags still mean what was recorded; records nothing')
    .argument('<image...>', 'images, as in a Pod')
    .action((images: string[], _options: unknown, command: Command) =>
      read(command, (session) => checkImages(session, images, false)),
    );
}

function recording({ program, parts, exitWith }: Registry): void {
  withExample(program.command('record'), 'tagseal record ghcr.io/acme/api:1.4.2')
    .description('record new tags in the log, and check known ones')
    .argument('<image...>', 'images, as in a Pod')
    .action(async (images: string[], _options: unknown, command: Command) => {
      exitWith(await runSession(parts, command, (session) => checkImages(session, images, true)));
    });
  withExample(
    program.command('accept'),
    'tagseal accept ghcr.io/acme/api:1.4.2@sha256:2cf2... --reason "rebuilt for CVE-2026-1234"',
  )
    .description('accept that a recorded tag has moved: its next generation, in the log')
    .argument('<ref@digest>', 'the tag, and the digest that it points to now')
    .requiredOption('--reason <text>', 'why, for whoever reads the history')
    .option('--by <name>', 'who accepts; default: the name of the user who runs the command')
    .action(async (text: string, options: AcceptOptions, command: Command) => {
      exitWith(await runSession(parts, command, (session) => acceptMove(session, text, options)));
    });
}

function telling({ program, read }: ReadRegistry): void {
  withExample(program.command('history'), 'tagseal history alpine:3.20')
    .description('show every recorded generation of a tag')
    .argument('<ref>', 'an image with a tag')
    .action((ref: string, _options: unknown, command: Command) =>
      read(command, (session) => showHistory(session, ref)),
    );
  withExample(program.command('explain'), 'tagseal explain alpine:3.20')
    .description('say in words, step by step, why the answer is what it is; records nothing')
    .argument('<image>', 'an image, as in a Pod')
    .action((image: string, _options: unknown, command: Command) =>
      read(command, (session) => explainImage(session, image)),
    );
  withExample(program.command('verify'), 'tagseal verify alpine:3.20 --save evidence')
    .description('verify the stored evidence of tags, offline')
    .argument('<ref...>', 'images with a tag')
    .option('--save <dir>', 'write the evidence, the key and the trust root to a folder, for other tools')
    .action((refs: string[], { save }: { save?: string }, command: Command) =>
      read(command, (session) => verifyRecords(session, refs, save)),
    );
}

function pinning({ program, read }: ReadRegistry, { mayRecord }: { readonly mayRecord: boolean }): void {
  const command = withExample(
    program.command('pin'),
    'tagseal pin deployment.yaml',
    'helm template . | tagseal pin | kubectl apply -f -',
  )
    .description('write the recorded digests into YAML files, in place')
    .argument('[file...]', 'manifests; none or "-": from standard input to standard output')
    .option('--diff', 'print what would change, and write and record nothing')
    .option('--check', 'exit 1 when something would change, and write and record nothing');
  if (mayRecord) command.option('--no-record', 'pin new tags without recording them');
  command.action((files: string[], options: PinOptions, command: Command) =>
    read(command, (session) => pinFiles(session, files, { ...options, record: mayRecord && options.record })),
  );
}

import { Argument, Command, Option } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { checkImages } from './check-command.ts';
import { completionScript, SHELLS, type Shell } from './completion.ts';
import { parseDuration } from './duration.ts';
import { failureLine } from './failure.ts';
import { showHistory } from './history-command.ts';
import { writeKeyPair } from './keygen-command.ts';
import { pinFiles, type PinOptions } from './pin-command.ts';
import { printable } from './printable.ts';
import { toJson } from './render-json.ts';
import { serveUntilStopped } from './serve-command.ts';
import { runSession, type CliParts, type GlobalOptions } from './session.ts';
import { verifyRecords } from './verify-command.ts';

export interface Program {
  readonly command: Command;
  /** The exit code of the command that ran. */
  readonly exitCode: () => number;
}

/** Every command and option of `tagseal`. Parsing throws CommanderError for wrong usage, help and version. */
export function makeProgram(parts: CliParts): Program {
  const { io, programs } = parts;
  let code = 0;
  const program = makeRoot(parts);

  withExample(program.command('check'), 'tagseal check alpine:3.20 ghcr.io/acme/api:1.4.2')
    .description('say whether tags still mean what was recorded; records nothing')
    .argument('<image...>', 'images, as in a Pod')
    .action(async (images: string[], _options: unknown, command: Command) => {
      code = await runSession(parts, command, (session) => checkImages(session, images, false));
    });
  withExample(program.command('record'), 'tagseal record ghcr.io/acme/api:1.4.2')
    .description('record new tags in the log, and check known ones')
    .argument('<image...>', 'images, as in a Pod')
    .action(async (images: string[], _options: unknown, command: Command) => {
      code = await runSession(parts, command, (session) => checkImages(session, images, true));
    });
  withExample(program.command('history'), 'tagseal history alpine:3.20')
    .description('show every recorded generation of a tag')
    .argument('<ref>', 'an image with a tag')
    .action(async (ref: string, _options: unknown, command: Command) => {
      code = await runSession(parts, command, (session) => showHistory(session, ref));
    });
  withExample(program.command('verify'), 'tagseal verify alpine:3.20 --save evidence')
    .description('verify the stored evidence of tags, offline')
    .argument('<ref...>', 'images with a tag')
    .option('--save <dir>', 'write the evidence, the key and the trust root to a folder, for other tools')
    .action(async (refs: string[], { save }: { save?: string }, command: Command) => {
      code = await runSession(parts, command, (session) => verifyRecords(session, refs, save));
    });
  withExample(
    program.command('pin'),
    'tagseal pin deployment.yaml',
    'helm template . | tagseal pin | kubectl apply -f -',
  )
    .description('write the recorded digests into YAML files, in place')
    .argument('[file...]', 'manifests; none or "-": from standard input to standard output')
    .option('--diff', 'print what would change, and write and record nothing')
    .option('--check', 'exit 1 when something would change, and write and record nothing')
    .option('--no-record', 'pin new tags without recording them')
    .action(async (files: string[], options: PinOptions, command: Command) => {
      code = await runSession(parts, command, (session) => pinFiles(session, files, options));
    });
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
  // the refusals of every door advise it; until it is here it must at least say what to do instead
  program
    .command('accept', { hidden: true })
    .argument('<ref@digest>')
    .option('--reason <text>')
    .action((text: string) => {
      throw new AppError({
        code: 'DOCUMENT_INVALID',
        message: `cannot accept ${quote(text)}: this version keeps every record; publish a new tag, or write name:tag@digest with the recorded digest`,
      });
    });
  withExample(program.command('completion'), 'source <(tagseal completion bash)')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => io.stdout(completionScript(program, shell)));

  return { command: program, exitCode: () => code };
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
        .default(60_000, '60s'),
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

function withExample(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${examples.map((line) => `  $ ${line}`).join('\n')}`);
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

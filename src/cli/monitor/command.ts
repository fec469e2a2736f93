import { Option, type Command } from 'commander';
import { parseDuration } from '../duration.ts';
import { EXIT, exitCodeOfReason } from '../exit-code.ts';
import { failureLine, toFailure } from '../failure.ts';
import type { Io } from '../ports.ts';
import { printable } from '../printable.ts';
import { withExample, type Registry } from '../registry.ts';
import { startDeadline, timeLimit, type CliParts, type GlobalOptions } from '../session.ts';
import type { KnownStatements } from './known-statements.ts';
import { monitorOptions, type MonitorFlags } from './options.ts';
import type { MonitorEvent, MonitorOptions } from './ports.ts';
import { readKnown } from './read-known.ts';
import {
  checkpointLine,
  conflictJson,
  conflictText,
  entryLine,
  eventJson,
  failureJson,
} from './render-event.ts';

/** `monitor`, which needs no store and no signing key, and so no session. */
export function monitorCommand({ program, parts, exitWith }: Registry): void {
  withExample(
    program.command('monitor'),
    'tagseal monitor --once --from-start',
    'tagseal monitor --log-url https://rekor.example.com --log-kind rekor-v2 --trusted-root trusted_root.json --public-key tagseal.pub --state watched',
  )
    .description('watch a log: prove it consistent, and tell each new record of a signer')
    .option('--log-url <url>', 'the log to watch; default: the one of the config')
    .addOption(new Option('--log-kind <kind>', 'its kind').choices(['rekor-v1', 'rekor-v2']))
    .option('--trusted-root <file>', 'trusted_root.json with the log, and with the CA of a keyless signer')
    .option('--log-public-key <file>', 'instead: the key of the log, PEM')
    .option('--log-origin <origin>', 'and its origin, the first line of its checkpoints')
    .option('--public-key <file>', 'whose records: the key, PEM; default: the signer of the config')
    .option('--certificate-identity <san>', 'whose records: the SAN of a keyless signer')
    .option('--certificate-oidc-issuer <url>', 'and its issuer')
    .option('--state <dir>', 'keep there how far the log was read, and go on from it')
    .option('--from-start', 'tell what is in the log already too')
    .option('--once', 'end at the end of the log')
    .addOption(
      new Option('--interval <time>', 'time between two looks')
        .argParser(parseDuration)
        .default(10_000, '10s'),
    )
    .option('--known <file...>', 'statements, or archives of tagseal export: records are told by name')
    .action(async (flags: MonitorFlags, command: Command) => {
      exitWith(await monitor(parts, command, flags));
    });
}

async function monitor(parts: CliParts, command: Command, flags: MonitorFlags): Promise<number> {
  const { io, debug = false } = parts;
  const options = monitorOptions(flags);
  const { output } = command.optsWithGlobals<GlobalOptions>();
  using deadline = startDeadline(timeLimit(command, 'whole'));
  const signal = AbortSignal.any([io.signal, deadline.signal]);
  try {
    const known = await readKnown(flags.known ?? [], signal);
    const code = await watchLog(parts, command, { options, known, signal });
    signal.throwIfAborted();
    return code;
  } catch (error) {
    if (io.signal.aborted) return interrupted(io, options.once);
    const failure = toFailure(deadline.explain(error), debug);
    // a line like the others: the reader takes line by line
    if (output === 'json') io.stdout(failureJson(failure));
    io.stderr(failureLine(failure.message));
    return exitCodeOfReason(failure.code);
  }
}

interface Watched {
  readonly options: MonitorOptions;
  readonly known: KnownStatements;
  readonly signal: AbortSignal;
}

async function watchLog(
  { io, programs }: CliParts,
  command: Command,
  { options, known, signal }: Watched,
): Promise<number> {
  const { config, output } = command.optsWithGlobals<GlobalOptions>();
  const watch = makeWatch({ io, known, output });
  for await (const event of programs.monitor(options, config, signal)) {
    watch.tell(event);
    // who runs it for good must notice: a process that goes on printing looks healthy
    if (watch.conflicts() > 0 && !options.once) break;
  }
  if (options.once && !signal.aborted) watch.end();
  return watch.conflicts() > 0 ? EXIT.evidence : EXIT.ok;
}

/** What runs until it is stopped ends well when it is stopped; what should have ended by itself does not. */
function interrupted(io: Io, once: boolean): number {
  if (!once) return EXIT.ok;
  io.stderr(failureLine('interrupted'));
  return EXIT.interrupted;
}

interface WatchParts {
  readonly io: Io;
  readonly known: KnownStatements;
  readonly output: GlobalOptions['output'];
}

function makeWatch({ io, known, output }: WatchParts) {
  let conflicts = 0;
  let checkpoint: Extract<MonitorEvent, { kind: 'checkpoint' }> | undefined;

  function tellEntry(event: Extract<MonitorEvent, { kind: 'entry' }>): void {
    const meaning = known.meaning(event.statementDigest);
    if (output === 'json') io.stdout(eventJson(event, meaning));
    else if (event.earlier !== true) io.stdout(entryLine(event, meaning));
    const conflict = known.seen(event.statementDigest, event.index);
    if (conflict === undefined) return;
    conflicts += 1;
    if (output === 'json') io.stdout(conflictJson(conflict));
    io.stderr(failureLine(conflictText(conflict)));
  }

  return {
    conflicts: () => conflicts,
    end(): void {
      if (output === 'table' && checkpoint !== undefined) io.stdout(checkpointLine(checkpoint));
    },
    tell(event: MonitorEvent): void {
      if (event.kind === 'entry') {
        tellEntry(event);
        return;
      }
      if (output === 'json') io.stdout(eventJson(event));
      if (event.kind === 'checkpoint') checkpoint = event;
      if (event.kind === 'waiting') io.stderr(failureLine(`${printable(event.message)}; trying again`));
    },
  };
}

import { Option, type Command } from 'commander';
import { exportCommand } from '../archive/commands.ts';
import { keygenCommand } from '../keygen-command.ts';
import type { Program } from '../program.ts';
import { withExample, type ReadRegistry } from '../registry.ts';
import { makeRoot, nameUsageLines } from '../root.ts';
import { scanCommand } from '../scan-command.ts';
import { runOpened, type CliParts } from '../session.ts';
import { readCommands } from '../tag-commands.ts';
import { approveMove } from './accept-command.ts';
import { versionCommand } from '../version-command.ts';
import { elsewhereCommands } from './elsewhere.ts';
import type { ClusterOptions } from './ports.ts';

const NAME = 'kubectl tagseal';

/** Every command and option of `kubectl tagseal`. Throws as makeProgram's. */
export function makeKubectlProgram(parts: CliParts): Program {
  let code = 0;
  const program = makeRoot(parts.io, {
    name: NAME,
    description:
      'What image tags mean in a cluster with Tagseal, by your kubeconfig: the records are verified here, and nothing is recorded.',
    options: clusterOptions(),
    unlimited: 'export',
  });
  const registry: ReadRegistry = {
    program,
    async read(command, work, extent = 'one') {
      code = await runOpened({ parts, command, extent, open: opener(parts, command) }, work);
    },
  };
  readCommands(registry);
  scanCommand(registry, 'the namespace of the context');
  acceptCommand(program, async (command, text, reason) => {
    const run = { parts, command, extent: 'one', open: opener(parts, command) } as const;
    code = await runOpened(run, (session) => approveMove(session, text, reason));
  });
  exportCommand(registry);
  keygenCommand({ program, parts });
  versionCommand({ program, parts });
  elsewhereCommands(program);
  nameUsageLines(program, parts.io);
  return { command: program, exitCode: () => code };
}

function clusterOptions(): readonly Option[] {
  return [
    new Option('--kubeconfig <file>', 'as of kubectl; default: KUBECONFIG, else ~/.kube/config'),
    new Option('--context <name>', 'of the kubeconfig; default: its current one'),
    new Option('-n, --namespace <name>', 'where the Pods are: its rules and its mode count'),
    new Option('--tagseal-namespace <name>', 'where Tagseal is installed; default: found'),
    new Option('--tagseal-name <name>', 'its release; default: found'),
  ];
}

function opener({ programs }: CliParts, command: Command) {
  const { kubeconfig, context, namespace, tagsealNamespace, tagsealName } =
    command.optsWithGlobals<ClusterOptions>();
  const options: ClusterOptions = {
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
    ...(namespace !== undefined && { namespace }),
    ...(tagsealNamespace !== undefined && { tagsealNamespace }),
    ...(tagsealName !== undefined && { tagsealName }),
  };
  return (signal: AbortSignal) => programs.openCluster(options, signal);
}

function acceptCommand(
  program: Command,
  run: (command: Command, text: string, reason: string) => Promise<void>,
): void {
  withExample(
    program.command('accept'),
    'tagseal accept ghcr.io/acme/api:1.4.2@sha256:2cf2... --reason "rebuilt for CVE-2026-1234"',
  )
    .description('accept that a recorded tag has moved: makes a TagApproval, and waits for its answer')
    .argument('<ref@digest>', 'the tag, and the digest that it points to now')
    .requiredOption('--reason <text>', 'why, for whoever reads the history')
    .action((text: string, { reason }: { reason: string }, command: Command) => run(command, text, reason));
}

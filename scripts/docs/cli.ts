import { makeProgram } from '../../src/cli/program.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import type { CliParts } from '../../src/cli/session.ts';
import { codeBlock } from './blocks.ts';

/** The help of every command, as it prints. */
export async function helpBlocks(): Promise<Readonly<Record<string, string>>> {
  const { command } = makeProgram(partsWith(() => undefined));
  const shown = command.createHelp().visibleCommands(command);
  const names = shown.map((each) => each.name()).filter((name) => name !== 'help');
  const blocks: Record<string, string> = { tagseal: await helpOf([]) };
  for (const name of names) blocks[`tagseal ${name}`] = await helpOf([name]);
  const plugin = 'kubectl tagseal';
  blocks[plugin] = await helpOf([], plugin);
  // the others are those of tagseal
  blocks[`${plugin} accept`] = await helpOf(['accept'], plugin);
  return blocks;
}

/** The options that every command takes are told once, by the program itself. */
async function helpOf(command: readonly string[], as?: CliParts['as']): Promise<string> {
  let text = '';
  await runCli([...command, '--help'], {
    ...partsWith((part) => {
      text += part;
    }),
    ...(as && { as }),
  });
  const own = command.length === 0 ? text : text.replace(/\nGlobal Options:\n(?: .*\n)*/, '');
  return codeBlock('text', own);
}

function partsWith(stdout: (text: string) => void): CliParts {
  const never = () => Promise.reject(new Error('help opens nothing'));
  return {
    io: {
      stdout,
      stderr: stdout,
      stdoutBytes: never,
      readStdin: never,
      stdin: () => {
        throw new Error('help reads nothing');
      },
      isTerminal: false,
      outputIsTerminal: false,
      color: false,
      userName: () => undefined,
      signal: new AbortController().signal,
      version: '',
      nodeVersion: '',
    },
    programs: {
      openRuntime: never,
      openCluster: never,
      serve: never,
      monitor: () => {
        throw new Error('help watches nothing');
      },
      generateKey: () => ({ privateKey: '', publicKey: '' }),
    },
  };
}

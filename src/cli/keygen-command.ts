import { unlink, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { fileProblem, fileProblemCode } from './file-problem.ts';
import type { Programs } from './ports.ts';
import { printable } from './printable.ts';
import { withExample, type Registry } from './registry.ts';
import { toJson } from './render-json.ts';
import type { GlobalOptions } from './session.ts';

export interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** The command `keygen`, which opens nothing. */
export function keygenCommand({
  program,
  parts: { io, programs },
}: Pick<Registry, 'program' | 'parts'>): void {
  withExample(program.command('keygen'), 'tagseal keygen --output-prefix production')
    .description('make a signing key: PREFIX.key and PREFIX.pub')
    .option('--output-prefix <prefix>', 'path of the files without their ending', 'tagseal')
    .action(async ({ outputPrefix }: { outputPrefix: string }, command: Command) => {
      const files = await writeKeyPair(() => programs.generateKey(), outputPrefix);
      const { output } = command.optsWithGlobals<GlobalOptions>();
      const told = `private key ${printable(files.privateKey)}\npublic key  ${printable(files.publicKey)}\n`;
      io.stdout(output === 'json' ? toJson(files) : told);
    });
}

/** Writes a new key pair to PREFIX.key (mode 0600) and PREFIX.pub; never over a file. Throws KEY_INVALID. */
export async function writeKeyPair(generateKey: Programs['generateKey'], prefix: string): Promise<KeyFiles> {
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  const { privateKey, publicKey } = generateKey();
  await create(files.publicKey, publicKey, 0o644);
  try {
    await create(files.privateKey, privateKey, 0o600);
  } catch (error) {
    // a public key without its private one would only mislead
    await unlink(files.publicKey);
    throw error;
  }
  return files;
}

async function create(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode, flush: true });
  } catch (error) {
    throw new AppError({
      code: 'KEY_INVALID',
      message: `cannot write ${quote(file)}: ${why(error)}`,
      cause: error,
    });
  }
}

function why(error: unknown): string {
  if (fileProblemCode(error) !== 'EEXIST') return fileProblem(error);
  return 'it is there already, and a key is never overwritten; choose another --output-prefix';
}

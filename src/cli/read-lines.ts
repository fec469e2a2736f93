import { open } from 'node:fs/promises';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { fileProblem } from './file-problem.ts';
import type { Io } from './ports.ts';
import { readAtMost } from './read-at-most.ts';

const MAX_BYTES = 8 * 1_048_576;
const MAX_LINES = 100_000;

/** The lines of a file or, for "-", of standard input, without blank ones and comments (#). Throws DOCUMENT_INVALID. */
export async function readLines(io: Io, name: string): Promise<readonly string[]> {
  const bytes = name === '-' ? await io.readStdin() : await readFileAtMost(name);
  const lines = textOf(name, bytes)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length <= MAX_LINES) return lines;
  throw unreadable(name, `it has more than ${MAX_LINES} lines; split it`);
}

async function readFileAtMost(name: string): Promise<Uint8Array> {
  try {
    await using file = await open(name, 'r');
    return await readAtMost(file.createReadStream(), MAX_BYTES);
  } catch (error) {
    const why =
      error instanceof AppError ? `it has more than ${MAX_BYTES} bytes; split it` : fileProblem(error);
    throw unreadable(name, why, error);
  }
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(name, 'it is no text in UTF-8; write one reference in a line', cause);
  }
}

function unreadable(name: string, why: string, cause?: unknown): AppError {
  return new AppError({ code: 'DOCUMENT_INVALID', message: `cannot read ${quote(name)}: ${why}`, cause });
}

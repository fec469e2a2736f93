import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/code.ts';

/** The code that `run` throws or rejects with; undefined when it does neither. Foreign errors pass through. */
export async function codeOf(run: () => unknown): Promise<ErrorCode | undefined> {
  try {
    await run();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return undefined;
}

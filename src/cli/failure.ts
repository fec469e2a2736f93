import { inspect } from 'node:util';
import { toAppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/code.ts';

export interface Failure {
  readonly code: ErrorCode;
  /** A line for people; a config file may have several mistakes, each on a line of its own. */
  readonly message: string;
}

/** Any error as what a person may see; the cause of an unexpected one only in `debug`. */
export function toFailure(error: unknown, debug: boolean): Failure {
  const { code, message, cause } = toAppError(error);
  if (code !== 'INTERNAL') return { code, message };
  const story = debug ? `: ${inspect(cause ?? error)}` : '; run again with TAGSEAL_LOG_LEVEL=debug';
  return { code, message: `internal error${story}` };
}

export function failureLine(message: string): string {
  return message.replaceAll(/^.*$/gm, (line) => `tagseal: ${line}`) + '\n';
}

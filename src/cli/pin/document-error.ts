import { AppError } from '../../errors/app-error.ts';
import { printable } from '../printable.ts';

/** A file that `pin` cannot work on; `line` counts from 1. */
export function documentError(
  file: string,
  line: number | undefined,
  why: string,
  cause?: unknown,
): AppError {
  const place = line === undefined ? printable(file) : `${printable(file)}:${line}`;
  return new AppError({ code: 'DOCUMENT_INVALID', message: `cannot pin ${place}: ${why}`, cause });
}

import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** The tail's snapshot is the largest. */
export const MAX_STATE_BYTES = 262_144;
const NAME = /^[a-z0-9.-]{1,63}$/;

/** What every StateStore refuses alike, as an error of the program: INTERNAL. */
export function checkStateName(name: string): void {
  if (!NAME.test(name)) throw refused(name, 'a name is 1 to 63 lower-case letters, digits, dots and dashes');
}

/** Throws INTERNAL for a bad name and for text that is too long or that some store could not give back. */
export function checkStateDocument(name: string, text: string): void {
  checkStateName(name);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_STATE_BYTES)
    throw refused(name, `its text has ${bytes} bytes, more than ${MAX_STATE_BYTES}`);
  if (!text.isWellFormed() || text.includes('\0'))
    throw refused(name, 'its text has NUL or half a surrogate pair');
}

function refused(name: string, why: string): AppError {
  return new AppError({
    code: 'INTERNAL',
    message: `cannot keep the state document ${quote(name)}: ${why}; report this as an error of tagseal`,
  });
}

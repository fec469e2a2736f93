import type { KnownRecord } from '../ledger/record.ts';

/** kubectl prints a warning on one line; the API server cuts long ones when there are many. */
const MAX_LENGTH = 120;
const MAX_COUNT = 8;

/** `<image text> <statement>`; the image gives way when both do not fit, since the statement is the news. */
export function warning(text: string, statement: string): string {
  const room = Math.max(8, MAX_LENGTH - statement.length - 1);
  const subject = text.length <= room ? text : `${text.slice(0, room - 1)}…`;
  return plainWarning(`${subject} ${statement}`);
}

/** The first line of a message as a warning. The API server drops warnings that hold control characters. */
export function plainWarning(message: string): string {
  const [line = ''] = message.split('\n', 1);
  const safe = line.replaceAll(/\p{C}/gu, '?');
  return safe.length <= MAX_LENGTH ? safe : `${safe.slice(0, MAX_LENGTH - 1)}…`;
}

export function moved(record: KnownRecord | undefined): string {
  return record === undefined
    ? 'moved'
    : `moved since ${(record.log?.time ?? record.firstSeen).slice(0, 10)}`;
}

/** To whom it is made, kubectl or the operator's own log. */
export function loopWarning({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return warning(
    `${kind} ${name}`,
    'makes this pod again and again; if it compares images, use rewrite: none',
  );
}

/** Each text once, in order, at most eight. */
export function limitWarnings(warnings: readonly string[]): readonly string[] {
  return [...new Set(warnings)].slice(0, MAX_COUNT);
}

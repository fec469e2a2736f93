import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';

/** A JSON object whose keys were checked, and where it stands in the record, for messages. */
export interface Fields {
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
}

/** A RECORD_INVALID that names the field. */
export function invalid(path: string, reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'RECORD_INVALID',
    message: `cannot read field ${quote(path)} of the record: ${reason}; restore the record from the log`,
    cause,
  });
}

/** The object's fields; any key beside `known` is refused. Throws RECORD_INVALID, as all functions here. */
export function fieldsOf(value: unknown, path: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, 'it is not an object');
  }
  const values = new Map<string, unknown>(Object.entries(value));
  for (const key of values.keys()) {
    if (!known.includes(key)) throw invalid(pathOf(path, key), 'no such field is known');
  }
  return { path, values };
}

export function has(fields: Fields, name: string): boolean {
  return fields.values.has(name);
}

export function unknownAt(fields: Fields, name: string): unknown {
  return fields.values.get(name);
}

/** A string that matches `pattern`, which must bound its length; `shape` says it for people. */
export function textAt(fields: Fields, name: string, pattern: RegExp, shape: string): string {
  const value = fields.values.get(name);
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw invalid(pathOf(fields.path, name), `it is not ${shape}`);
}

/** A safe integer of 0 or more. */
export function countAt(fields: Fields, name: string): number {
  const value = fields.values.get(name);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(pathOf(fields.path, name), 'it is not a whole number of 0 or more');
}

export function oneOfAt<Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice {
  const value = fields.values.get(name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw invalid(pathOf(fields.path, name), `it is none of ${choices.join(', ')}`);
}

function pathOf(path: string, name: string): string {
  return `${path}.${name}`;
}

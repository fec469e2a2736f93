import { AppError } from '../errors/app-error.ts';
import type { SettingValues } from './raw-settings.ts';
import { variableOf } from './settings.ts';

export type ValueReader = ReturnType<typeof valueReader>;
export type Absolute = (path: string) => string;

/** Typed access to values that their schemas have validated. */
export function valueReader(values: SettingValues) {
  function text(path: string): string {
    const value = values.get(path);
    if (typeof value !== 'string') throw contradiction(path, 'must be set');
    return value;
  }
  return {
    text,
    optional: (path: string): string | undefined => (values.has(path) ? text(path) : undefined),
    has: (path: string): boolean => values.has(path),
    flag: (path: string): boolean => values.get(path) === true,
    count(path: string): number | undefined {
      const value = values.get(path);
      return typeof value === 'number' ? value : undefined;
    },
    list(path: string): readonly string[] {
      const value = values.get(path);
      return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
    },
    /** Pairs whose values are texts. */
    mapping(path: string): readonly (readonly [string, string])[] {
      const value = values.get(path);
      if (typeof value !== 'object' || value === null) return [];
      return Object.entries(value).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : []));
    },
    raw: (path: string): unknown => values.get(path),
    oneOf<const Value extends string>(path: string, allowed: readonly Value[]): Value {
      const value = text(path);
      const found = allowed.find((candidate) => candidate === value);
      if (found === undefined) throw contradiction(path, `must be one of ${allowed.join(', ')}`);
      return found;
    },
  };
}

export function contradiction(path: string, why: string): AppError {
  return new AppError({ code: 'CONFIG_INVALID', message: `${path} (${variableOf(path)}) ${why}` });
}

/** `{[name]: absolute path}`, or nothing where the setting has no value. */
export function optionalFile<Name extends string>(
  get: ValueReader,
  path: string,
  absolute: Absolute,
  name: Name,
): Partial<Record<Name, string>> {
  const file = get.optional(path);
  if (file === undefined) return {};
  const named: Partial<Record<string, string>> = { [name]: absolute(file) };
  return named;
}

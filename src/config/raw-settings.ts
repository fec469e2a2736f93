import * as z from 'zod/mini';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { nearestName } from '../errors/nearest-name.ts';
import type { Setting } from './setting.ts';
import { SETTINGS, variableOf } from './settings.ts';

/** Setting path -> validated value; a path that is missing has no value and no default. */
export type SettingValues = ReadonlyMap<string, unknown>;

/** Whoever repairs a file wants to see all that is wrong with it, and no more than fits a screen. */
const MAX_PROBLEMS = 10;

/** File, then environment over it, then defaults under both. Throws CONFIG_INVALID naming file, key and why, for each mistake. */
export function readSettings(
  document: { readonly name: string; readonly value: unknown },
  environment: Readonly<Record<string, string | undefined>>,
): SettingValues {
  const values = new Map<string, unknown>();
  for (const setting of SETTINGS) {
    if (setting.default !== undefined) values.set(setting.path, setting.default);
  }
  const problems: AppError[] = [];
  const given = new Map<string, unknown>();
  const { name, value } = document;
  if (value !== undefined && value !== null)
    collect({ source: name, path: '', value, found: given, problems });
  variableValues(environment, { found: given, problems });
  throwAll(problems);
  return new Map([...values, ...given]);
}

function throwAll(problems: readonly AppError[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  const shown = [first, ...others].slice(0, MAX_PROBLEMS).map(({ message }) => message);
  const more = problems.length > MAX_PROBLEMS ? [`and ${problems.length - MAX_PROBLEMS} more`] : [];
  throw new AppError({ code: 'CONFIG_INVALID', message: [...shown, ...more].join('\n'), cause: first.cause });
}

/** Runs one step; a mistake is noted, and the next step is taken. */
function noting(problems: AppError[], step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(error);
  }
}

interface Gathered {
  readonly found: Map<string, unknown>;
  readonly problems: AppError[];
}

interface Branch extends Gathered {
  readonly source: string;
  readonly path: string;
  readonly value: unknown;
}

function collect({ source, path, value, found, problems }: Branch): void {
  noting(problems, () => {
    const setting = SETTINGS.find((candidate) => candidate.path === path);
    if (setting !== undefined) {
      found.set(path, validated(setting, value, `${source}: ${path}`));
      return;
    }
    if (!isObject(value)) throw invalid(`${source}: ${path || 'the document'} must be a mapping of settings`);
    const keys = keysUnder(path);
    for (const [key, child] of Object.entries(value)) {
      if (!keys.includes(key)) problems.push(unknownKey({ source, path, key, keys }));
      else collect({ source, path: path === '' ? key : `${path}.${key}`, value: child, found, problems });
    }
  });
}

function variableValues(
  environment: Readonly<Record<string, string | undefined>>,
  { found, problems }: Gathered,
): void {
  const byVariable = new Map(SETTINGS.map((setting) => [variableOf(setting.path), setting]));
  for (const [name, value] of Object.entries(environment)) {
    if (!isOurs(name) || value === undefined || value === '') continue;
    const setting = byVariable.get(name);
    if (setting === undefined) {
      problems.push(unknownKey({ source: 'environment', path: '', key: name, keys: [...byVariable.keys()] }));
      continue;
    }
    noting(problems, () =>
      found.set(setting.path, validated(setting, fromVariable(setting, value, name), name)),
    );
  }
}

/** Names the config file; the one variable that is not a setting. */
export const CONFIG_VARIABLE = 'TAGSEAL_CONFIG';

/** Kubernetes tells every Pod about each Service by such variables: one named `tagseal` is no setting of ours. */
const SERVICE_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)?)$/;

function isOurs(name: string): boolean {
  return name.startsWith('TAGSEAL_') && name !== CONFIG_VARIABLE && !SERVICE_LINK.test(name);
}

const JSON_VARIABLES: ReadonlySet<string> = new Set([
  'policies',
  'signer.acceptedIdentities',
  'registries.mirrors',
  'proxy.virtualHosts',
  'proxy.credentials',
]);

/** A variable is text: lists are comma separated, truth is true or false, lists of mappings, and mappings, are JSON. */
function fromVariable({ schema, path }: Setting, value: string, name: string): unknown {
  if (JSON_VARIABLES.has(path)) return parseJson(value, name);
  if (schema instanceof z.ZodMiniArray) return value.split(',').map((item) => item.trim());
  if (schema instanceof z.ZodMiniNumber && /^\d{1,9}$/.test(value)) return Number(value);
  if (schema instanceof z.ZodMiniBoolean && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function parseJson(value: string, name: string): unknown {
  try {
    return JSON.parse(value);
  } catch (error) {
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `${name}: must be a JSON list or mapping`,
      cause: error,
    });
  }
}

function validated({ schema, isSecret }: Setting, value: unknown, where: string): unknown {
  const result = z.safeParse(schema, value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  const at = path.length > 0 ? `[${path.join('][')}]` : '';
  const why = issue?.message ?? 'is not valid';
  const given = path.reduce<unknown>((part, key) => partOf(part, key), value);
  const got = typeof given === 'string' ? given : JSON.stringify(given ?? value);
  throw invalid(`${where}${at}: ${why}${isSecret ? '' : `; got ${quote(got)}`}`);
}

/** What stands at a key of a mapping or list. */
function partOf(value: unknown, key: PropertyKey): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isObject(value) ? value[String(key)] : undefined;
}

function keysUnder(path: string): readonly string[] {
  const prefix = path === '' ? '' : `${path}.`;
  const below = SETTINGS.map((setting) => setting.path).filter((name) => name.startsWith(prefix));
  return [...new Set(below.map((name) => name.slice(prefix.length).split('.')[0] ?? ''))];
}

interface UnknownKey {
  readonly source: string;
  readonly path: string;
  readonly key: string;
  readonly keys: readonly string[];
}

function unknownKey({ source, path, key, keys }: UnknownKey): AppError {
  const nearest = nearestName(key, keys);
  const hint = nearest === undefined ? `known here: ${keys.join(', ')}` : `did you mean ${nearest}?`;
  const where = path === '' ? quote(key) : `${quote(key)} under ${path}`;
  return invalid(`${source}: unknown setting ${where}; ${hint}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): AppError {
  return new AppError({ code: 'CONFIG_INVALID', message });
}

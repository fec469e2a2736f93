import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { AppError } from '../errors/app-error.ts';
import { toConfig } from './to-config.ts';
import { CONFIG_VARIABLE, readSettings } from './raw-settings.ts';
import { accessBy } from './cluster-settings.ts';
import type { ClusterAccess, Config } from './config.ts';
import type { Absolute } from './value-reader.ts';

const MAX_CONFIG_BYTES = 1_048_576;
/** Read when neither `--config` nor TAGSEAL_CONFIG names a file; it may be missing. */
const DEFAULT_FILE = 'tagseal.yaml';

export interface ConfigSources {
  /** Path given by `--config`. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
}

/** File, environment and defaults as one Config, paths made absolute. Throws CONFIG_INVALID, POLICY_INVALID. */
export function readConfig({ file, environment, workingDirectory }: ConfigSources): Config {
  const named = file ?? environment[CONFIG_VARIABLE];
  const path = resolve(workingDirectory, named ?? DEFAULT_FILE);
  const text = readText(path, named !== undefined);
  const values = readSettings(
    { name: path, value: text === undefined ? undefined : parse(text, path) },
    environment,
  );
  return toConfig(values, {
    source: path,
    environment,
    absolute: absoluteIn({ environment, workingDirectory }),
  });
}

/** As kubectl finds the cluster of whoever calls it, with its flags `--kubeconfig` and `--context`. */
export function callersCluster(
  { kubeconfig, context }: { readonly kubeconfig?: string; readonly context?: string },
  sources: Omit<ConfigSources, 'file'>,
): ClusterAccess {
  const { environment } = sources;
  const access = accessBy(kubeconfig, { environment, absolute: absoluteIn(sources) });
  return access.by === 'serviceAccount' || context === undefined ? access : { ...access, context };
}

function absoluteIn({ environment, workingDirectory }: Omit<ConfigSources, 'file'>): Absolute {
  return (name) => resolve(workingDirectory, expandHome(name, environment));
}

function readText(path: string, required: boolean): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) throw invalid(path, `it has ${size} bytes, more than ${MAX_CONFIG_BYTES}`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = String(error).replace(/^Error: /, '');
    if (!why.startsWith('ENOENT')) throw invalid(path, `${why}; name a file that can be read`, error);
    if (!required) return undefined;
    throw invalid(path, 'there is no such file; check --config and TAGSEAL_CONFIG', error);
  }
}

function parse(text: string, path: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw notYaml(path, problem);
  try {
    // a document of aliases may not grow beyond its size
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw notYaml(path, error);
  }
}

function notYaml(path: string, error: unknown): AppError {
  const [why = ''] = String(error)
    .replace(/^\w*Error: /, '')
    .split('\n');
  return invalid(path, `${why.replace(/:$/, '')}; correct its YAML`, error);
}

function expandHome(name: string, environment: Readonly<Record<string, string | undefined>>): string {
  const home = environment['HOME'];
  return name.startsWith('~/') && home !== undefined ? join(home, name.slice(2)) : name;
}

function invalid(path: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'CONFIG_INVALID',
    message: `cannot read the config file ${path}: ${why}`,
    cause,
  });
}

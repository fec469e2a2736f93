import * as z from 'zod/mini';
import type { Setting } from '../../src/config/setting.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import type { Schema } from './schema-parts.ts';

/** Set by the chart itself, or of no use in a cluster: the chart refuses them in `config`. */
const OF_THE_CHART = [
  /^dataDir$/,
  /^store\./,
  /^kubernetes\./,
  /\.(?:enabled|listen)$/,
  /^admission\.(?:serviceName|tls\.(?:mode|certFile|keyFile))$/,
];

/** JSON Schema (draft 7) of the program's config file, as far as it is the chart's value `config`. */
export function configSchema(): Schema {
  const settings = SETTINGS.filter(({ path }) => !OF_THE_CHART.some((pattern) => pattern.test(path)));
  return objectOf(settings.map((setting) => ({ setting, rest: setting.path.split('.') })));
}

interface Placed {
  readonly setting: Setting;
  /** What is left of its path at this level. */
  readonly rest: readonly string[];
}

function objectOf(placed: readonly Placed[]): Schema {
  const names = [...new Set(placed.map(({ rest }) => rest[0] ?? ''))];
  const properties = names.map((name) => {
    const below = placed.filter(({ rest }) => rest[0] === name);
    const leaf = below.find(({ rest }) => rest.length === 1);
    const schema =
      leaf === undefined
        ? objectOf(below.map(({ setting, rest }) => ({ setting, rest: rest.slice(1) })))
        : leafOf(leaf.setting);
    return [name, schema] as const;
  });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) };
}

function leafOf({ schema, about }: Setting): Schema {
  const made: unknown = JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { target: 'draft-7' }), (key, value: unknown) => {
      if (key === '$schema') return undefined;
      // Go's regular expressions repeat at most 1000 times
      return key === 'pattern' && typeof value === 'string' ? value.replace(/\{1,\d{4,}\}/, '+') : value;
    }),
  );
  return { description: about, ...(isSchema(made) ? made : {}) };
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { alertRules } from './alerts.ts';
import { dashboard } from './dashboard.ts';
import { valuesSchema } from './values-schema.ts';

/** Files of the chart that are written as a whole, by path below the root. */
export async function chartFiles(root: string): Promise<Readonly<Record<string, string>>> {
  const metricsDoc = await readFile(join(root, 'docs/metrics.md'), 'utf8');
  return {
    'charts/tagseal/values.schema.json': await json(valuesSchema()),
    'charts/tagseal/files/alerts.yaml': alertRules(metricsDoc),
    'charts/tagseal/files/dashboard.json': await json(dashboard()),
  };
}

function json(value: unknown): Promise<string> {
  return format(JSON.stringify(value), { parser: 'json', printWidth: 110 });
}

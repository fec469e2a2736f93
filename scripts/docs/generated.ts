import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { valuesTable } from '../chart/values-table.ts';
import type { Blocks } from './blocks.ts';
import { helpBlocks } from './cli.ts';
import { errorsTable } from './errors.ts';
import { labelValuesTable, metricsTable } from './metrics.ts';
import { settingsTable } from './settings.ts';

/** Every part of the documents that the code itself tells. `root` is the folder of package.json. */
export async function generatedBlocks(root: string): Promise<Blocks> {
  const source = join(root, 'src');
  return {
    'docs/configuration.md': { settings: settingsTable() },
    'docs/errors.md': { errors: errorsTable() },
    'docs/cli.md': await helpBlocks(),
    'docs/metrics.md': {
      metrics: await metricsTable(source),
      labels: labelValuesTable(source),
    },
    'charts/tagseal/README.md': {
      values: valuesTable(await readFile(join(root, 'charts/tagseal/values.yaml'), 'utf8')),
    },
  };
}

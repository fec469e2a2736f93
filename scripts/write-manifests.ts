// Renders manifests/ from the chart, with the helm of the e2e suites or the one that $HELM names.
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureGo, goTool } from '../test/e2e/stack/install.ts';
import { helmArguments, MANIFESTS, toManifest } from './chart/manifests.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const named = process.env['HELM'];
if (named === undefined) ensureGo('helm4');
const helm = named ?? goTool('helm4');

for (const [file, values] of Object.entries(MANIFESTS)) {
  const args = helmArguments(join(root, 'charts/tagseal'), values);
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Error(`helm ${args.join(' ')} failed:\n${stderr}`);
  await writeFile(join(root, 'manifests', file), toManifest(stdout));
  console.log(`written manifests/${file}`);
}

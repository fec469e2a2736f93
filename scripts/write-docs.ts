// Writes the generated parts of docs/ and charts/; a test fails while they differ from the code.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartFiles } from './chart/chart-files.ts';
import { withBlocks } from './docs/blocks.ts';
import { generatedBlocks } from './docs/generated.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

for (const [file, blocks] of Object.entries(await generatedBlocks(root))) {
  const before = await readFile(join(root, file), 'utf8');
  await update(file, before, withBlocks(before, blocks));
}
for (const [file, content] of Object.entries(await chartFiles(root))) {
  const path = join(root, file);
  await update(file, existsSync(path) ? await readFile(path, 'utf8') : '', content);
}

async function update(file: string, before: string, after: string): Promise<void> {
  if (after !== before) await writeFile(join(root, file), after);
  console.log(`${after === before ? 'unchanged' : 'written  '} ${file}`);
}

// Writes the generated parts of docs/; a test fails while they differ from the code.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withBlocks } from './docs/blocks.ts';
import { generatedBlocks } from './docs/generated.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

for (const [file, blocks] of Object.entries(await generatedBlocks(root))) {
  const path = join(root, file);
  const before = await readFile(path, 'utf8');
  const after = withBlocks(before, blocks);
  if (after !== before) await writeFile(path, after);
  console.log(`${after === before ? 'unchanged' : 'written  '} ${file}`);
}

// Bundles src/main.ts into dist/tagseal.cjs: one file that starts fast and needs no node_modules.
import { chmod } from 'node:fs/promises';
import { build } from 'esbuild';

// An older Node fails inside a library, with a stack that helps nobody; this runs before any of them loads.
const guard = `
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  console.error('tagseal: needs Node 22.22 or newer, and this is ' + process.versions.node + '; in the repository: npm run tagseal -- ...');
  process.exit(2);
}`;

// Every module is in this one file: a thread that is to load one of them loads it whole.
const moduleUrl = `const moduleUrl = require('node:url').pathToFileURL(__filename).href;`;

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/tagseal.cjs',
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  minify: true,
  keepNames: true,
  sourcemap: 'external',
  legalComments: 'none',
  banner: { js: `#!/usr/bin/env node\n"use strict";{${guard.replaceAll('\n', ' ')}}${moduleUrl}` },
  define: { 'import.meta.url': 'moduleUrl' },
  logLevel: 'warning',
});
await chmod('dist/tagseal.cjs', 0o755);
console.log('built dist/tagseal.cjs');

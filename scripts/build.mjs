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

const common = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
  // where a module is loaded from a file, and here none is
  logOverride: { 'empty-import-meta': 'silent' },
};

// The thread that verifies evidence gets a program of its own, as text in the one file: loading the whole file a second
// time would take 50 MB more.
const verifier = await build({
  ...common,
  entryPoints: ['src/rekor/thread/verifier-worker.ts'],
  write: false,
  define: { VERIFIER_SOURCE: '""' },
});

await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/tagseal.cjs',
  sourcemap: 'external',
  banner: { js: `#!/usr/bin/env node\n"use strict";{${guard.replaceAll('\n', ' ')}}` },
  define: { VERIFIER_SOURCE: JSON.stringify(verifier.outputFiles[0].text) },
});
await chmod('dist/tagseal.cjs', 0o755);
console.log('built dist/tagseal.cjs');

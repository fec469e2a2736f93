// Installs and builds what the named e2e suites need (all suites when none is named). Seconds when it is all there.
// With --built only what is built: beside other work, which apt would disturb.
import { ensureDebian, ensureGo } from './install.ts';
import { SUITE_NEEDS } from './tools.ts';

const flags = process.argv.slice(2).filter((arg) => arg.startsWith('-'));
const named = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const suites = named.length === 0 ? Object.keys(SUITE_NEEDS) : named;
const needs = suites.flatMap((suite) => SUITE_NEEDS[suite] ?? []);

try {
  if (!flags.includes('--built')) ensureDebian([...new Set(needs.flatMap((need) => need.debian))]);
  for (const tool of new Set(needs.flatMap((need) => need.go))) ensureGo(tool);
} catch (error) {
  console.error(`e2e: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

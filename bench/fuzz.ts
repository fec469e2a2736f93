// npm run bench -- fuzz [--runs N] [--seed N]
// Every parser of what strangers send, with a million cases like those that it meets. Exits 1 when one breaks a promise, with the
// case and the seed that finds it again.
import { parseArgs } from 'node:util';
import { FUZZED_PARSERS } from '../test/support/fuzz-parsers.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
});
const runs = Number(values.runs);
if (!(Number.isInteger(runs) && runs >= 1)) {
  console.error('usage: npm run bench -- fuzz [--runs N] [--seed N]');
  process.exit(2);
}

for (const { name, run } of FUZZED_PARSERS) {
  const started = performance.now();
  try {
    run(runs, values.seed === undefined ? undefined : Number(values.seed));
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `${name.padEnd(22)} ${String(runs).padStart(9)} cases  ${seconds.toFixed(1).padStart(7)} s  held`,
    );
  } catch (error) {
    console.log(`${name.padEnd(22)} broken\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

// npm run bench -- tail [--leaves N] [--rounds N]
// How fast a log of other people's entries is tailed and verified, from files, in a process of its own; then the same with
// SIGKILL in the middle. Exits 1 when a position is wrong or a resume starts over, never for being slow.
import { parseArgs } from 'node:util';
import { makeTempFolder } from '../test/support/temp-folder.ts';
import { writeForeignLog } from '../test/support/foreign-log.ts';
import { runTail, tailKilledAt, type TailFigures } from './tail/run.ts';

const AIM_LEAVES = 20_000;
const AIM_MB = 150;

const { values } = parseArgs({
  options: { leaves: { type: 'string', default: '100000' }, rounds: { type: 'string', default: '3' } },
});
const leaves = Number(values.leaves);
const rounds = Number(values.rounds);
if (!(Number.isInteger(leaves) && leaves >= 1_000 && Number.isInteger(rounds) && rounds >= 1)) {
  console.error('usage: npm run bench -- tail [--leaves N, at least 1000] [--rounds N]');
  process.exit(2);
}

function line(name: string, { from, leavesRead, seconds, cpuSeconds, peakRssMb }: TailFigures): string {
  const rate = Math.round(leavesRead / seconds);
  return (
    `${name.padEnd(22)} ${String(leavesRead).padStart(7)} leaves from ${String(from).padStart(6)}  ` +
    `${seconds.toFixed(2).padStart(6)} s  ${String(rate).padStart(7)} leaves/s  ` +
    `CPU ${cpuSeconds.toFixed(2)} s  peak RSS ${peakRssMb.toFixed(0)} MB`
  );
}

await using folder = await makeTempFolder();
const trust = await writeForeignLog(folder.path, leaves);
console.log(`a log of ${leaves} foreign entries; aims: ${AIM_LEAVES} leaves/s, ${AIM_MB} MB`);
let isRight = true;
for (let round = 1; round <= rounds; round += 1) {
  await using data = await makeTempFolder();
  const whole = await runTail({ log: folder.path, data: data.path, trust });
  isRight &&= whole.position === leaves && whole.leavesRead === leaves;
  console.log(line(`round ${round}, whole`, whole));
}
await using data = await makeTempFolder();
const at = Math.floor(leaves / 2);
await tailKilledAt(at, { log: folder.path, data: data.path, trust });
const resumed = await runTail({ log: folder.path, data: data.path, trust });
console.log(line(`after SIGKILL at ${at}`, resumed));
isRight &&= resumed.position === leaves && (leaves < 50_000 || resumed.from > 0);
if (!isRight) console.log('WRONG: a position is not the end of the log, or a resume started over');
process.exitCode = isRight ? 0 : 1;

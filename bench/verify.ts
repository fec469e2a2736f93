// npm run bench -- verify [--records N] [--rounds N]
// Milliseconds for an own record, with a new verifier in each round, beside plain @sigstore/verify in the same run; then how
// fast other people's entries are passed over. Exits 1 when anything is refused, never for being slow.
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { makeAcceptedSigners } from '../src/rekor/accepted-signers.ts';
import { makeCandidateFinder } from '../src/rekor/candidates.ts';
import { entryBody, entryParts } from '../src/rekor/entry.ts';
import { makeEvidenceVerifier } from '../src/rekor/verify-bundle.ts';
import { makeFakeCa } from '../test/support/fake-ca.ts';
import { signWith } from '../test/support/keyless-evidence.ts';
import { keyCell, keylessCell, plainVerifier, type Cell, type LogKind } from './verify/cells.ts';

const AIM_MS = 0.5;
const AIM_LEAVES = 100_000;
const PER_CERTIFICATE = 100;
const FOREIGN = 20_000;

const { values } = parseArgs({
  options: { records: { type: 'string', default: '500' }, rounds: { type: 'string', default: '3' } },
});
const [records, rounds] = [Number(values.records), Number(values.rounds)];
if (!(Number.isInteger(records) && records >= 100 && Number.isInteger(rounds) && rounds >= 1)) {
  console.error('usage: npm run bench -- verify [--records N, at least 100] [--rounds N]');
  process.exit(2);
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

async function measure(cell: Cell): Promise<string> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const plain = plainVerifier(cell);
  const byUs = async () => {
    const verifier = makeEvidenceVerifier(cell.trust);
    for (const record of cell.records) await verifier.verify(record);
  };
  const byThem = () => {
    for (const record of cell.records) plain(record);
  };
  // the first round is for the compiler
  for (let round = 0; round <= rounds; round += 1) {
    const figures = [await timed(byUs), await timed(byThem)].map((ms) => ms / cell.records.length);
    if (round === 0) continue;
    ours.push(figures[0] ?? Number.NaN);
    theirs.push(figures[1] ?? Number.NaN);
  }
  const [us, them] = [median(ours), median(theirs)];
  return `${cell.name.padEnd(30)} ${us.toFixed(3).padStart(7)} ms  plain ${them.toFixed(3).padStart(7)} ms  ratio ${(them / us).toFixed(1).padStart(5)}`;
}

/** Entries of somebody else's certificates, as most are in a public log. */
async function passOver(cell: Cell, kind: LogKind): Promise<string> {
  const stranger = await makeFakeCa({ name: 'stranger' });
  const issued = await stranger.certify({ names: [{ type: 'email', value: 'somebody@example.com' }] });
  const bodies = Array.from({ length: 100 }, (_, i) =>
    entryBody(kind, entryParts(signWith(issued, `foreign ${i}`))),
  );
  const candidate = makeCandidateFinder(kind, cell.trust, makeAcceptedSigners(cell.trust));
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const ms = await timed(() => {
      for (let i = 0; i < FOREIGN; i += 1) candidate(bodies[i % bodies.length] ?? new Uint8Array());
    });
    if (round > 0) rates.push((FOREIGN / ms) * 1_000);
  }
  return `foreign leaves, ${kind.padEnd(13)} ${Math.round(median(rates)).toString().padStart(8)} leaves/s`;
}

console.log(
  `${records} records each, a certificate for every ${PER_CERTIFICATE}; median of ${rounds} rounds; aims: ${AIM_MS} ms for keyless, rekor-v1; ${AIM_LEAVES} leaves/s`,
);
for (const kind of ['rekor-v1', 'rekor-v2'] as const) {
  console.log(await measure(await keyCell(kind, records)));
  const keyless = await keylessCell(kind, records, PER_CERTIFICATE);
  console.log(await measure(keyless));
  console.log(await passOver(keyless, kind));
}

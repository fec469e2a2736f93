// Tails a folder of tiles as `tagseal serve` would, in a process of its own: its memory is the tail's.
//   child.ts LOG_FOLDER DATA_FOLDER ORIGIN SPKI [LEAF]      with LEAF, the log hangs there for ever
// Tells `{"from":0}` once it knows where it goes on, `{"stalled":true}`, and its figures at the end.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/observe/clock.ts';
import { makeSharedTail } from '../../src/protocol/shared-tail.ts';
import { makeTailLease } from '../../src/protocol/tail-lease.ts';
import { makeTailSnapshots } from '../../src/protocol/tail-snapshot.ts';
import { generateKey, makeKeySigner } from '../../src/rekor/key-signer.ts';
import { parseTilePath, TILE_WIDTH } from '../../src/rekor/tiles.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeEvidenceVerifier } from '../../src/rekor/verify-bundle.ts';
import { openDirectoryStore } from '../../src/store/directory-store.ts';
import { makeFolderTransport } from '../../test/support/foreign-log.ts';
import { SILENT } from '../../test/support/test-log.ts';

const SAN = 'https://kubernetes.io/namespaces/tagseal-system/serviceaccounts/tagseal';
const PERIOD_MS = 5_000;

const [, , logFolder = '', dataFolder = '', origin = '', spki = '', stallAt = ''] = process.argv;
const trust: LogTrust = { kind: 'rekor-v2', origin, spki };

function tell(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const files = makeFolderTransport(logFolder);
const transport: LogTransport = (request) => {
  const tile = parseTilePath(request.path.slice(1));
  const isFar = stallAt !== '' && tile !== undefined && tile.index * TILE_WIDTH >= Number(stallAt);
  if (!isFar) return files(request);
  tell({ stalled: true });
  setInterval(() => undefined, PERIOD_MS);
  return new Promise(() => undefined);
};
const client = makeRekorV2Client({
  url: 'folder',
  trust,
  write: transport,
  read: { transport, prefix: '' },
});
const verifier = makeEvidenceVerifier({
  keys: [makeKeySigner({ pem: generateKey().privateKeyPem, source: 'bench' }).spki],
  identities: [{ san: SAN, issuer: 'https://issuer.example.com' }],
  logs: [trust],
});
const { state } = openDirectoryStore({ dataDir: dataFolder, uniqueName: randomUUID, logger: SILENT });
const log = { origin, spki: Buffer.from(spki, 'base64') };
const lifetime = new AbortController().signal;
let from: number | undefined;
let figures = { leavesRead: 0, secondsReading: 0 };
const shared = makeSharedTail({
  reader: client,
  verifier,
  logger: SILENT,
  origin,
  lifetime,
  clock: systemClock,
  snapshots: makeTailSnapshots({ state, log, watched: ['bench'], key: Buffer.alloc(32, 1), logger: SILENT }),
  lease: makeTailLease({
    state,
    name: 'tail-lease',
    holder: randomUUID(),
    clock: systemClock,
    periodMs: PERIOD_MS,
  }),
  watch: {
    clock: systemClock,
    observe({ leavesRead, secondsReading }) {
      figures = { leavesRead, secondsReading };
      if (from === undefined) tell({ from: (from = shared.tail.state().read.size) });
    },
  },
});

/** Of this program alone: `resourceUsage` also counts what the process was before it became this program, a large test. */
function peakRssKb(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

const startedAt = systemClock.monotonicMs();
await shared.turn(lifetime);
// after a kill the lease is still another's; a first sight reads on its own
await shared.tail.ready(lifetime);
const seconds = (systemClock.monotonicMs() - startedAt) / 1_000;
await shared.close(lifetime);
tell({
  ...figures,
  seconds,
  position: shared.tail.position().treeSize,
  peakRssMb: peakRssKb() / 1_024,
  cpuSeconds: (process.resourceUsage().userCPUTime + process.resourceUsage().systemCPUTime) / 1e6,
});

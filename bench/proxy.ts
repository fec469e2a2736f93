// npm run bench -- proxy [--clients N] [--layer-mb N] [--rounds N] [--line-mbit N] [--manifests N] [--idle N] [--drip N] [--trust-blobs]
// What a pull through the proxy costs, as a ratio to the same clients at the real registry in the same run. Exits 1 for a
// pull that failed or brought other bytes, and for a call to the log, never for being slow.
import { parseArgs } from 'node:util';
import { ensureGo } from '../test/e2e/stack/install.ts';
import { makeTempFolder } from '../test/support/temp-folder.ts';
import { openCrowd } from './proxy/crowd.ts';
import { pullDripping } from './proxy/drip.ts';
import { quantile, timeManifests } from './proxy/manifests.ts';
import { inProxy, startParts, usageOf, type Parts } from './proxy/parts.ts';
import { bareLayer, onLine, pullAtOnce, wholeImage, type Puller } from './proxy/pulls.ts';

const AIM_RATIO = 0.8;
const AIM_RSS_MB = 200;
const AIM_EXTRA_MS = 1;
const AIM_TROUBLE_RATIO = 2;
const FOLLOW_EVERY_MS = 5_000;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '20' },
    'layer-mb': { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    'line-mbit': { type: 'string', default: '2500' },
    manifests: { type: 'string', default: '2000' },
    idle: { type: 'string', default: '10000' },
    drip: { type: 'string', default: '200' },
    'trust-blobs': { type: 'boolean', default: false },
  },
});
const options = {
  clients: Number(values.clients),
  layerMb: Number(values['layer-mb']),
  rounds: Number(values.rounds),
  lineMbit: Number(values['line-mbit']),
  manifests: Number(values.manifests),
  idle: Number(values.idle),
  drip: Number(values.drip),
};
if (!Object.values(options).every((value) => Number.isInteger(value) && value >= 1)) {
  console.error(
    'usage: npm run bench -- proxy [--clients N] [--layer-mb N] [--rounds N] [--line-mbit N] [--manifests N] [--idle N] [--drip N] [--trust-blobs]',
  );
  process.exit(2);
}
const faults: string[] = [];

interface Lane {
  readonly name: string;
  readonly puller: Puller;
  /** Whose blobs: the registry's own, or redirects to them. */
  readonly from: string;
}

/**
 * Direct, through the proxy and through a bare relay in turn; prints the medians and the ratios of each round: to the pull that
 * passes nobody, and to the ceiling, the one through a relay that only copies.
 */
async function comparePulls(parts: Parts, { name, puller, from }: Lane): Promise<number> {
  const { image, served, relay, registry } = parts;
  const pull = async (base: string) => {
    const { fault, mbPerSecond } = await pullAtOnce(puller, options.clients, base, image);
    if (fault !== undefined) faults.push(`${name}: ${fault}`);
    return mbPerSecond;
  };
  const rounds: { direct: number; proxied: number; relayed: number }[] = [];
  const gigabytes = (options.rounds * options.clients * image.bytes) / 1e9;
  let [proxyCpu, relayCpu] = [0, 0];
  for (let round = 0; round < options.rounds; round += 1) {
    const direct = await pull(`${from}/${image.repository}`);
    const [proxied, cpu] = await timed(served.process.pid, () => pull(inProxy(parts, from, image)));
    proxyCpu += cpu / gigabytes;
    const [relayed, bare] =
      from === registry
        ? await timed(relay.pid, () => pull(`${relay.host}/${image.repository}`))
        : [direct, 0];
    relayCpu += bare / gigabytes;
    rounds.push({ direct, proxied, relayed });
  }
  const median = (of: (round: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
  const ratio = median(({ direct, proxied }) => proxied / direct);
  const ofRelay = median(({ relayed, proxied }) => proxied / relayed);
  const mb = (value: number) => `${value.toFixed(0).padStart(5)} MB/s`;
  console.log(
    `${name.padEnd(32)} direct ${mb(median(({ direct }) => direct))}  proxy ${mb(median(({ proxied }) => proxied))}  ` +
      `ratio ${ratio.toFixed(2)}  CPU ${proxyCpu.toFixed(2)} s/GB  ` +
      (from === registry
        ? `| bare relay ${mb(median(({ relayed }) => relayed))}, CPU ${relayCpu.toFixed(2)} s/GB, proxy/relay ${ofRelay.toFixed(2)}  `
        : '') +
      `| peak RSS ${usageOf(served.process.pid).peakRssMb.toFixed(0)} MB`,
  );
  return ratio;
}

/** What it gave, and the seconds of CPU that the process took meanwhile. */
async function timed(
  pid: number,
  run: () => Promise<number>,
): Promise<readonly [value: number, cpuSeconds: number]> {
  const before = usageOf(pid).cpuSeconds;
  const value = await run();
  return [value, usageOf(pid).cpuSeconds - before];
}

async function compareManifests({ registry, served, image, log }: Parts): Promise<number> {
  const rest = `${image.repository}/manifests/${image.tag}`;
  const aims = [
    { origin: `http://${registry}`, path: `/v2/${rest}` },
    { origin: served.proxy, path: `/v2/${registry.replace(':', '_')}/${rest}` },
  ];
  await timeManifests(aims, Math.ceil(options.manifests / 4));
  const started = performance.now();
  const before = await log.counts();
  const [direct = [], proxied = []] = await timeManifests(aims, options.manifests);
  const after = await log.counts();
  const calls = after.logWrites + after.logReads - before.logWrites - before.logReads;
  // the log is followed beside the pulls, with two reads every so often
  const ofFollower = 2 * Math.ceil((performance.now() - started) / FOLLOW_EVERY_MS);
  if (calls > ofFollower) faults.push(`${calls} calls to the log for known tags`);
  const extra = quantile(proxied, 0.5) - quantile(direct, 0.5);
  const show = (took: readonly number[]) =>
    `median ${quantile(took, 0.5).toFixed(2)} ms, p99 ${quantile(took, 0.99).toFixed(2)} ms`;
  console.log(
    `known tag, ${options.manifests} GETs of the manifest: direct ${show(direct)}; proxy ${show(proxied)}; ` +
      `extra ${extra.toFixed(2)} ms; ${calls} calls to the log (at most ${ofFollower} are those that follow it)`,
  );
  return extra;
}

/** p99 of good pulls: alone, while thousands of connections hold their places and ask for nothing, and while a registry drips. */
async function compareTroubles({ registry, served, image, drip }: Parts): Promise<void> {
  const path = `/v2/${registry.replace(':', '_')}/${image.repository}/manifests/${image.tag}`;
  const p99 = async () => {
    const [took = []] = await timeManifests([{ origin: served.proxy, path }], options.manifests);
    return quantile(took, 0.99);
  };
  const show = (trouble: string, alone: number, troubled: number) =>
    console.log(
      `${trouble}: p99 ${alone.toFixed(2)} ms without, ${troubled.toFixed(2)} ms with them, ratio ` +
        `${(troubled / alone).toFixed(2)}, aim ${AIM_TROUBLE_RATIO}`,
    );
  {
    const alone = await p99();
    using pulls = pullDripping(served.proxy, drip, options.drip);
    const dripped = await p99();
    show(`${pulls.open()} pulls from a registry that drips`, alone, dripped);
  }
  const alone = await p99();
  using crowd = await openCrowd(served.proxy, options.idle);
  const crowded = await p99();
  show(
    `${options.idle} idle connections, each tenth drips its headers (${crowd.left()} are left)`,
    alone,
    crowded,
  );
}

ensureGo('registry');
ensureGo('crane');
await using folder = await makeTempFolder();
await using parts = await startParts(folder.path, {
  layerBytes: options.layerMb * 1e6,
  verifyBlobs: !values['trust-blobs'],
});
const { registry, redirecting, served } = parts;
console.log(
  `${options.clients} pulls at once of a layer of ${options.layerMb} MB, ${options.rounds} rounds, blobs are ${values['trust-blobs'] ? 'not ' : ''}verified; clients, registry and ` +
    `proxy share this machine's cores; aims: ratio ${AIM_RATIO}, ${AIM_RSS_MB} MB, ${AIM_EXTRA_MS} ms`,
);
let isOver = false;
served.process.exited.then(
  (exit) => {
    if (isOver) return;
    console.log(`WRONG: the proxy ended: ${JSON.stringify(exit)}\n${served.process.output().slice(-4_000)}`);
    process.exit(1);
  },
  () => undefined,
);
const line = onLine(options.lineMbit, options.clients);
const extra = await compareManifests(parts);
const onLineRatio = await comparePulls(parts, { name: line.name, puller: line, from: registry });
const whole = await comparePulls(parts, { name: wholeImage.name, puller: wholeImage, from: registry });
await comparePulls(parts, { name: bareLayer.name, puller: bareLayer, from: registry });
const { peakRssMb } = usageOf(parts.served.process.pid);
await comparePulls(parts, { name: 'curl, blobs that are redirected', puller: bareLayer, from: redirecting });
await compareTroubles(parts);
isOver = true;
for (const fault of new Set(faults)) console.log(`WRONG: ${fault}`);
console.log(
  `${faults.length === 0 ? 'ok' : 'FAILED'}: ratio ${onLineRatio.toFixed(2)} on the line, ${whole.toFixed(2)} on loopback; ` +
    `peak RSS ${peakRssMb.toFixed(0)} MB; extra ${extra.toFixed(2)} ms`,
);
process.exitCode = faults.length === 0 ? 0 : 1;

import { writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureGo } from '../../test/e2e/stack/install.ts';
import { succeed } from '../../test/e2e/stack/kubernetes/clients.ts';
import {
  startControlPlane,
  type StartedControlPlane,
} from '../../test/e2e/stack/kubernetes/control-plane.ts';
import { installCrds } from '../../test/e2e/stack/kubernetes/crds.ts';
import { startServe, type Upstream } from './contenders.ts';
import { median, quantile, rssOf } from './figures.ts';
import { knownImages } from './known-images.ts';
import type { BenchOptions } from './options.ts';
import { openPodClient, type PodClient, type PodLoad } from './pod-client.ts';
import { webhookConfigurations } from './webhook-configurations.ts';

export interface ApiServerBench extends BenchOptions {
  readonly folder: string;
  readonly upstream: Upstream;
}

/** As whom Tagseal speaks to the API server: the audit log counts its requests. */
const TAGSEAL = 'tagseal-bench';
const LABEL = 'tagseal.dev/bench';
const NAMESPACES = { without: 'bench-without', with: 'bench-with' } as const;
const WARM_ROUNDS = 1;

/**
 * Pods created a second by as many clients as `connections`, in a namespace without webhook and in one where every Pod
 * passes Tagseal's mutating and validating webhook, in turn. Resolves with the exit code: 1 for a Pod that was not pinned,
 * and for a call that a warm admission must not make.
 */
export async function runOnApiServer(bench: ApiServerBench): Promise<number> {
  const { folder, upstream, tags, rounds, seconds, connections } = bench;
  for (const tool of ['etcd', 'kubeApiserver', 'kubectl'] as const) ensureGo(tool);
  const audit = await auditFlags(folder);
  await using plane = await startControlPlane({ folder, apiServerFlags: audit.flags });
  await installCrds(plane);
  const kubeconfigFile = await plane.kubeconfigFor(TAGSEAL, 'system:masters');
  await using served = await startServe({
    folder,
    registry: upstream.registry,
    recheck: 'always',
    nodeFlags: bench.nodeFlags,
    config: [
      'store: {kind: kubernetes}',
      `kubernetes: {name: tagseal, namespace: default, kubeconfigFile: ${kubeconfigFile}}`,
      'controller: {enabled: true, scan: false}',
    ],
  });
  await register(plane, { port: served.target.port, ca: served.target.ca });
  await using client = await openPodClient(plane.kubeconfig, knownImages(upstream.registry, tags));
  console.log(
    `${tags} tags, Pods of 3 images by ${connections} clients, ${rounds} rounds of ${seconds} s each, store of TagRecords, recheck always`,
  );
  await client.createAll(NAMESPACES.with, connections);
  await client.clear(NAMESPACES.with);

  const loads = { without: [] as PodLoad[], with: [] as PodLoad[] };
  const before = { calls: await upstream.counts(), requests: audit.requests() };
  for (let round = -WARM_ROUNDS; round < rounds; round += 1) {
    for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
      const load = await measured(client, kind, bench);
      console.error(
        `round ${round + WARM_ROUNDS} ${kind.padEnd(7)} ${load.perSecond.toFixed(0)}/s, ${load.wrong} wrong`,
      );
      if (round >= 0) loads[kind].push(load);
    }
  }
  const calls = await upstream.counts();
  return conclude(loads, {
    rssMb: rssOf(served.child.pid),
    tagsealRequests: audit.requests() - before.requests,
    logWrites: calls.logWrites - before.calls.logWrites,
    logReads: calls.logReads - before.calls.logReads,
    mostHeadsOfOneTag: calls.mostHeadsOfOneTag,
  });
}

const KINDS = ['without', 'with'] as const;
type Kind = (typeof KINDS)[number];

async function measured(client: PodClient, kind: Kind, { seconds, connections }: BenchOptions) {
  const load = await client.create(NAMESPACES[kind], {
    clients: connections,
    ms: seconds * 1000,
    isPinned: kind === 'with',
  });
  await client.clear(NAMESPACES[kind]);
  return load;
}

interface Calls {
  readonly rssMb: number;
  readonly tagsealRequests: number;
  readonly logWrites: number;
  readonly logReads: number;
  readonly mostHeadsOfOneTag: number;
}

function conclude(loads: Readonly<Record<Kind, readonly PodLoad[]>>, calls: Calls): number {
  const rate = (kind: Kind) => median(loads[kind].map(({ perSecond }) => perSecond));
  const at = (kind: Kind, q: number) => median(loads[kind].map(({ latencies }) => quantile(latencies, q)));
  const created = (kind: Kind) => loads[kind].reduce((sum, load) => sum + load.created, 0);
  const wrong = [...loads.without, ...loads.with].reduce((sum, load) => sum + load.wrong, 0);
  const firstFault = [...loads.without, ...loads.with].find((load) => load.firstFault)?.firstFault;
  for (const kind of KINDS) {
    console.log(
      `${kind.padEnd(8)} Tagseal: ${rate(kind).toFixed(0).padStart(5)} Pods/s, p50 ${at(kind, 0.5).toFixed(1)} ms, p99 ${at(kind, 0.99).toFixed(1)} ms`,
    );
  }
  const pods = created('with');
  console.log(
    `ratio ${(rate('with') / rate('without')).toFixed(2)}, Tagseal's RSS ${calls.rssMb.toFixed(0)} MB`,
  );
  console.log(
    `calls for ${pods} warm Pods of 3 images: ${calls.logWrites} log writes, ${calls.logReads} log reads, ` +
      `at most ${calls.mostHeadsOfOneTag} HEAD of one tag in 10 s, ${calls.tagsealRequests} requests of Tagseal to the API server ` +
      '(its leases and watches)',
  );
  if (firstFault !== undefined) console.log(`${wrong} wrong answers, the first: ${firstFault}`);
  // leases and watches go on by the clock: more than one for ten Pods would be for the Pods
  const isWrong = wrong > 0 || calls.logWrites > 0 || calls.mostHeadsOfOneTag > 1;
  return isWrong || calls.tagsealRequests > Math.max(100, pods / 10) ? 1 : 0;
}

async function register(plane: StartedControlPlane, webhook: { port: number; ca: string }): Promise<void> {
  const namespaces = Object.entries(NAMESPACES).map(([kind, name]) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: kind === 'with' ? { [LABEL]: 'with' } : {} },
  }));
  const items = [...namespaces, ...webhookConfigurations({ ...webhook, label: LABEL })];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await succeed(plane.kubectl(['apply', '-f', '-'], { input: list }));
}

/** The API server writes a line for each request of Tagseal. */
async function auditFlags(folder: string) {
  const [policy, log] = [join(folder, 'audit-policy.json'), join(folder, 'audit.log')];
  await writeFile(log, '');
  await writeFile(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata', users: [TAGSEAL], omitStages: ['RequestReceived'] }, { level: 'None' }],
    }),
  );
  return {
    flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
    requests: () => readFileSync(log, 'utf8').split('\n').length - 1,
  };
}

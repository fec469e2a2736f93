import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pause } from '../../cache/pause.ts';
import type { Ledger } from '../../check/ports.ts';
import type { Config } from '../../config/config.ts';
import { makeApprover } from '../../controller/approvals.ts';
import type { Accept } from '../../controller/ports.ts';
import { makeScanner } from '../../controller/scan.ts';
import type { AuthoritySecret } from '../../kube/authority-secret.ts';
import { makeLeaseElector } from '../../kube/lease-elector.ts';
import type { SystemClock } from '../../observe/clock.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Resolver } from '../../check/ports.ts';
import { runInBackground, type BackgroundJob } from '../background.ts';
import { approvalsJob } from './approvals-job.ts';
import type { ClusterParts } from './cluster.ts';
import { authorityJob, policyStatusJob, publicMapJob } from './jobs.ts';
import type { ClusterNamespaces } from './namespaces.ts';
import type { ClusterPolicies } from './policies.ts';
import { makeScanPlace } from './scan-place.ts';

const AUTHORITY_EVERY_MAX_MS = 30_000;
/** Two a second of all registries together: a scan is in no hurry. */
const SCAN_PAUSE_MS = 500;

export interface ControllerParts extends ClusterParts {
  readonly config: Config;
  readonly ledger: Ledger;
  readonly resolver: Resolver;
  readonly accept: Accept;
  readonly namespaces: ClusterNamespaces;
  readonly policies: ClusterPolicies;
  /** Absent where the webhook's certificate is not ours to make. */
  readonly authorities: AuthoritySecret | undefined;
  /** What everybody may know of this installation. */
  readonly published: Readonly<Record<string, string>>;
  /** What else only one of all processes should do. */
  readonly jobs: readonly BackgroundJob[];
  readonly clock: SystemClock;
  readonly metrics: Metrics;
  readonly incident: (error: unknown) => string;
}

/** Runs the work of the cluster that only one process does, whenever this one leads, until `signal`. */
export async function runController(parts: ControllerParts, signal: AbortSignal): Promise<void> {
  const { cluster, clock, logger, random, metrics } = parts;
  const elector = makeLeaseElector({
    api: cluster.api,
    namespace: cluster.namespace,
    name: `${cluster.name}-controller`,
    identity: `${hostname()}_${randomUUID()}`,
    clock,
    logger,
    random,
  });
  metrics.setLeading(false);
  await elector.lead(async (term) => {
    metrics.setLeading(true);
    for (const job of jobsOf(parts, term)) runInBackground(job, term, logger);
    await ended(term);
    metrics.setLeading(false);
  }, signal);
}

function jobsOf(parts: ControllerParts, term: AbortSignal): readonly BackgroundJob[] {
  const { cluster, policies, authorities, config, ledger, accept, incident, clock, published } = parts;
  const approve = makeApprover({ ledger, accept, incident });
  const { tls } = config.admission;
  const isOurs = authorities !== undefined && tls.mode === 'cluster';
  return [
    ...(isOurs
      ? [authorityJob(cluster, authorities, Math.min(AUTHORITY_EVERY_MAX_MS, tls.lifetimeMs / 6))]
      : []),
    publicMapJob(cluster, published),
    policyStatusJob(cluster, policies, clock),
    approvalsJob({ ...parts, approve }, term),
    ...scanJobs(parts),
    ...parts.jobs,
  ];
}

function scanJobs({
  config,
  cluster,
  namespaces,
  ledger,
  resolver,
  clock,
  logger,
  metrics,
}: ControllerParts): readonly BackgroundJob[] {
  const { scanEveryMs } = config.controller;
  if (scanEveryMs === undefined) return [];
  const scan = makeScanner({
    place: makeScanPlace({ cluster, namespaces, instance: hostname(), clock, uniqueName: randomUUID }),
    ledger,
    resolver,
    pace: (signal) => pause(SCAN_PAUSE_MS, signal),
    clock,
    logger,
  });
  return [
    {
      name: 'controller.scan',
      everyMs: scanEveryMs,
      async run(signal) {
        await namespaces.synced;
        metrics.setScan(await scan(signal));
      },
    },
  ];
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

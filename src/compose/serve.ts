import type { Serving } from '../cli/ports.ts';
import type { Config } from '../config/config.ts';
import { makeAdminHandler } from '../http/admin.ts';
import { makeHealth } from '../http/health.ts';
import { startServer, type RunningServer } from '../http/server.ts';
import { systemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import { makeLogger } from '../observe/logger.ts';
import { makeMetrics, type Metrics } from '../observe/metrics.ts';
import { makeAuditor } from '../protocol/audit.ts';
import { resumeReservations, retryUnfinished } from '../protocol/resume.ts';
import type { StepHook } from '../protocol/steps.ts';
import { makeLogHttpHandler } from '../rekor/embedded/http-handler.ts';
import { makeLeafVerifier } from '../rekor/leaf-verifier.ts';
import { VERSION } from '../version.ts';
import { runInBackground, type BackgroundJob } from './background.ts';
import { serveCluster, type ServingCluster } from './cluster/serve-cluster.ts';
import { ledgerOperations } from './runtime.ts';
import { openCore, type Core } from './core.ts';
import { openAdmission } from './open-admission.ts';
import { openProxy } from './open-proxy.ts';
import { FOLLOW_EVERY_MS } from './open-history.ts';
import { requirePinned } from './open-signer.ts';
import { makeShardJob } from './shard-job.ts';

/** What is in flight gets this long after the signal; Kubernetes gives a Pod 30 s. */
const GRACE_MS = 10_000;
/** The API server comes again on connections that it keeps, and does not repeat a POST that meets a closed one. */
const RETIRE_MS = 12_000;
const RETRY_EVERY_MS = 10_000;
/** Reads every record, for what other processes have left behind. */
const RESUME_EVERY_MS = 600_000;
/** Reads every record and looks its leaves up. */
const AUDIT_EVERY_MS = 600_000;
/** Far below the time that a timestamp of TUF is valid. */
const RENEW_TRUST_EVERY_MS = 6 * 60 * 60 * 1_000;
const READINESS_TIMEOUT_MS = 2_000;
const LOG_PREFIX = '/log';

export interface ServeOptions {
  readonly config: Config;
  readonly home: string | undefined;
  readonly signal: AbortSignal;
  readonly at?: StepHook;
}

/** What opens in order and stops in reverse. */
export interface House {
  readonly config: Config;
  readonly core: Core;
  readonly cluster: ServingCluster | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly servers: RunningServer[];
  readonly banner: string[];
  /** Aborts when the program stops. */
  readonly life: AbortSignal;
}

/** Runs the doors that the config enables. Resolves once they listen. Throws what opening them throws. */
export async function startServing({ config, home, signal, at }: ServeOptions): Promise<Serving> {
  requirePinned(config);
  const logger = makeLogger({ level: config.logLevel, stream: process.stdout, clock: systemClock });
  const metrics = makeMetrics({ version: VERSION, processMetrics: true });
  const life = new AbortController();
  const core = await openCore({ config, home, logger, clock: systemClock, metrics, ...(at && { at }) });
  const parts = { config, core, logger, metrics };
  const jobs = ledgerJobs(parts);
  const cluster = serveCluster({
    ...parts,
    accept: (...asked) => ledgerOperations(core).accept(...asked),
    jobs,
    clock: systemClock,
  });
  const house: House = { ...parts, cluster, servers: [], banner: [], life: life.signal };

  async function retire(): Promise<void> {
    if (cluster === undefined) return;
    await Promise.all(house.servers.map((server) => server.retire(RETIRE_MS)));
  }

  async function stop(): Promise<void> {
    life.abort();
    await withdrawLog(house);
    await Promise.all(house.servers.map((server) => server.stop(GRACE_MS)));
    await core.close();
    logger.info('serve.stopped', {});
    logger.flush();
  }

  try {
    await openDoors(house);
  } catch (error) {
    await stop();
    throw error;
  }
  // one of all replicas of a cluster does what else every process does
  startBackground(house, cluster === undefined ? jobs : []);
  const followed = cluster?.run(life.signal);
  logger.info('serve.started', { doors: house.banner });
  return {
    banner: house.banner,
    stopped: aborted(signal)
      .then(retire)
      .then(stop)
      .then(() => followed),
  };
}

async function openDoors(house: House): Promise<void> {
  const { config } = house;
  await openAdmin(house);
  if (config.proxy.enabled) await openProxy(house);
  if (config.admission.enabled) await openAdmission(house);
}

async function openAdmin({ config, core, cluster, logger, metrics, servers, banner }: House): Promise<void> {
  const health = makeHealth({
    // known tags need the store alone: neither log nor registry may take us out of service
    checks: cluster?.health ?? {
      store: (signal) => core.opened.store.find('0'.repeat(64), signal).then(() => undefined),
    },
    timeoutMs: READINESS_TIMEOUT_MS,
  });
  const { embedded } = core.log;
  const mounts = embedded && { mounts: { [LOG_PREFIX]: makeLogHttpHandler(embedded.transport) } };
  const server = await startServer({
    listen: config.admin.listen,
    setting: 'admin.listen',
    handler: makeAdminHandler({ health, metrics, logger, ...mounts }),
  });
  servers.push(server);
  banner.push(`admin      ${server.url}  (/metrics /healthz /readyz)`);
  if (embedded === undefined) return;
  await embedded.announce(`${server.url}${LOG_PREFIX}`);
  banner.push(`log        ${server.url}${LOG_PREFIX}  (embedded)`);
}

/** Who starts while we finish what is in flight must wait for the log, and not rely on a door that is closing. */
async function withdrawLog({ core, logger }: House): Promise<void> {
  try {
    await core.log.embedded?.announce(undefined);
  } catch (error) {
    logger.warn('log.notWithdrawn', { error });
  }
}

function startBackground(house: House, others: readonly BackgroundJob[]): void {
  const { core, logger, life } = house;
  const { history, assembly, opened } = core;
  const { publisher, memory } = assembly;
  const { follower } = opened;
  const jobs: readonly BackgroundJob[] = [
    { name: 'log.follow', everyMs: FOLLOW_EVERY_MS, run: (signal) => history.follow(signal) },
    // ends at the stop alone
    {
      name: 'store.follow',
      everyMs: RETRY_EVERY_MS,
      run: (signal) =>
        follower.follow((claimId, generation) => memory.onGeneration(claimId, generation), signal),
    },
    { name: 'trust.renew', everyMs: RENEW_TRUST_EVERY_MS, run: () => core.renewTrust() },
    { name: 'record.retry', everyMs: RETRY_EVERY_MS, run: () => retryUnfinished(publisher) },
  ];
  for (const job of [...jobs, ...others, ...shardJobs(house)]) runInBackground(job, life, logger);
}

/** What needs every record, and would be done once for all processes if they could agree on one. */
function ledgerJobs({
  core,
  logger,
  metrics,
}: Pick<House, 'core' | 'logger' | 'metrics'>): readonly BackgroundJob[] {
  const { store } = core.opened;
  const { publisher } = core.assembly;
  return [
    {
      name: 'record.resume',
      everyMs: RESUME_EVERY_MS,
      run: () => resumeReservations({ store, publisher, logger }),
    },
    ...auditJobs(core, logger, metrics),
  ];
}

function shardJobs({ core: { log }, logger, metrics }: House): readonly BackgroundJob[] {
  const { shards, writer } = log;
  return shards === undefined ? [] : [makeShardJob({ shards, url: writer.identity.url, logger, metrics })];
}

/** Where every leaf is read, what the log has is compared with what the store has. */
function auditJobs(core: Core, logger: Logger, metrics: Metrics): readonly BackgroundJob[] {
  const { log, history, verifier, evidence, opened, assembly } = core;
  const [trust] = log.trusted;
  if (history.followed.length === 0) return [];
  const auditor = makeAuditor({
    logs: history.followed,
    store: opened.store,
    verifier,
    leaves: makeLeafVerifier(trust.kind, evidence),
    logger,
    // what is loaded anew is refused by its phase, and remembered again once it is mended
    onRefused: (claimId, generation) => assembly.memory.forget(claimId, generation),
  });
  return [
    {
      name: 'log.audit',
      everyMs: AUDIT_EVERY_MS,
      async run(signal) {
        await history.history.ready(signal);
        metrics.setAudit(await auditor.run(signal));
      },
    },
  ];
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

import { createHash, hkdfSync, randomUUID } from 'node:crypto';
import { pause } from '../cache/pause.ts';
import { makeCheckImage } from '../check/check-image.ts';
import type { Ledger } from '../check/ports.ts';
import type { CheckImage } from '../check/verdict.ts';
import type { Config } from '../config/config.ts';
import type { SystemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { compilePolicy, type CompiledPolicy } from '../policy/rule-for.ts';
import { checkBlindingKey } from '../protocol/blinding-key-check.ts';
import { makeNaming, type Naming } from '../protocol/naming.ts';
import type { EvidenceVerifier } from '../protocol/ports.ts';
import type { StepHook } from '../protocol/steps.ts';
import { makeRegistry, type Registry } from '../registry/make-registry.ts';
import type { SigstoreTrust } from '../rekor/sigstore-trust.ts';
import { startVerifierThread } from '../rekor/thread/verifier-thread.ts';
import { makeEvidenceVerifier, type EvidenceTrust } from '../rekor/verify-bundle.ts';
import type { OpenedStore } from '../store/opened-store.ts';
import { openCluster, type OpenedCluster } from './cluster/open-cluster.ts';
import { followPolicies, type ClusterPolicies } from './cluster/policies.ts';
import { countLogCalls, countRecords, countRegistryCalls } from './counted.ts';
import { dockerConfig } from './docker-config.ts';
import { makeEmbeddedLogCheck } from './embedded-log-check.ts';
import { openBlindingKey } from './key-files.ts';
import { assembleLedger, type LedgerAssembly } from './ledger-parts.ts';
import { openHistory, type OpenedHistory } from './open-history.ts';
import { openLog, type OpenedLog } from './open-log.ts';
import { openSigner, type OpenedSigner } from './open-signer.ts';
import { openStore, readCa } from './open-store.ts';
import { openTrust } from './open-trust.ts';

export interface CoreOptions {
  readonly config: Config;
  readonly home: string | undefined;
  readonly logger: Logger;
  readonly clock: SystemClock;
  /** Absent for a command: nobody would read them. */
  readonly metrics?: Metrics;
  /** Tests stop the process at these. */
  readonly at?: StepHook;
}

/** Everything behind the doors, wired. */
export interface Core {
  readonly ledger: Ledger;
  readonly assembly: LedgerAssembly;
  readonly history: OpenedHistory;
  readonly log: OpenedLog;
  readonly signer: OpenedSigner;
  readonly opened: OpenedStore;
  readonly naming: Naming;
  readonly verifier: EvidenceVerifier;
  /** What it trusts. */
  readonly evidence: EvidenceTrust;
  readonly policy: () => CompiledPolicy;
  /** Present with `store.kind: kubernetes`. */
  readonly cluster: OpenedCluster | undefined;
  readonly policies: ClusterPolicies | undefined;
  /** Who certifies and timestamps, where that matters. */
  readonly sigstore: SigstoreTrust | undefined;
  /** For what a Pod or a person names: private registries may be dialled. */
  readonly registry: Registry;
  /** For what a stranger on the network names. */
  readonly guardedRegistry: Registry;
  /** Names this deployment, all its replicas alike, in `Via`. */
  readonly via: string;
  /** 32 bytes for one purpose, the same in all replicas: of the blinding key (RFC 5869). */
  readonly deriveKey: (purpose: string) => Uint8Array;
  /** Logs an error that nobody expected and gives the id under which it was logged. */
  readonly incident: (error: unknown) => string;
  checkImageWith(registry: Registry): CheckImage;
  /** Asks again for what TUF delivered at the start. */
  renewTrust(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens keys, log, store and registries. Throws KEY_INVALID, LOG_*, TRUST_ROOT_*, CONFIG_INVALID, STORE_UNAVAILABLE.
 */
export async function openCore(options: CoreOptions): Promise<Core> {
  const opening = new AsyncDisposableStack();
  try {
    return await open(options, opening);
  } catch (error) {
    await opening.disposeAsync();
    throw error;
  }
}

async function open(options: CoreOptions, opening: AsyncDisposableStack): Promise<Core> {
  const { config, home, logger, clock, metrics, at = () => undefined } = options;
  const life = new AbortController();
  const lifetime = life.signal;
  const cluster = config.store.kind === 'kubernetes' ? await openCluster(config.store, clock) : undefined;
  opening.defer(async () => cluster?.close());
  const signer = await openSigner(config, { clock, logger, keySecret: cluster?.keys });
  const blindingKey = await openBlindingKey(config, cluster?.keys);
  const { caFile } = config.registries;
  const extraCa = caFile === undefined ? undefined : await readCa('registries.caFile', caFile);
  const trust = openTrust({ config, logger, metrics });
  const opened = await openStore(config, { logger, cluster });
  opening.defer(() => opened.close());
  const { store, state } = opened;
  const { scope, privacy } = config;
  await checkBlindingKey({ state, store, scope, privacy, blindingKey, logger }, lifetime);
  const count = countLogCalls(config.log.kind, metrics);
  const earlierFiles = config.log.kind === 'embedded' ? config.log.earlierTrustedRootFiles : [];
  const embeddedCheck = makeEmbeddedLogCheck({ state, store, scope, earlierFiles });
  const log = await openLog(config, { logger, count, trust, clock, metrics, embeddedCheck });
  opening.defer(() => log.close());
  const sigstore = await trust.sigstore();

  const naming = makeNaming({ scope, privacy, blindingKey });
  const evidence = evidenceTrust(signer, log, sigstore);
  const verifier = await openVerifier(evidence, { logger, isServing: metrics !== undefined });
  opening.defer(() => verifier.close());
  const history = openHistory({
    log,
    state,
    signer,
    verifier,
    secret: blindingKey,
    clock,
    logger,
    lifetime,
    metrics,
  });
  opening.defer(() => history.close());
  const assembly = assembleLedger({
    store,
    naming,
    signer: signer.signer,
    verifier,
    writer: log.writer,
    history: history.history,
    clock,
    at,
    sleep: pause,
    lifetime,
  });
  const ledger = countRecords(assembly.ledger, metrics);

  const policies = cluster && followPolicies({ cluster, logger, random: Math.random }, config.policy);
  const configured = compilePolicy(config.policy);
  const policy = () => policies?.current() ?? configured;
  const via = viaOf(scope, signer);
  const registryWith = (allowPrivate: boolean) => {
    const common = registryOptions({ config, home, clock, extraCa, allowPrivate, metrics });
    const registry = makeRegistry({ ...common, ...(!allowPrivate && { via }) });
    opening.defer(() => registry.close());
    return registry;
  };
  const incident = incidentReporter(logger);
  return {
    ledger,
    assembly,
    history,
    log,
    signer,
    opened,
    naming,
    verifier,
    evidence,
    policy,
    cluster,
    policies,
    sigstore,
    registry: registryWith(true),
    guardedRegistry: registryWith(false),
    via,
    deriveKey: (purpose) => new Uint8Array(hkdfSync('sha256', blindingKey, '', `tagseal ${purpose}`, 32)),
    incident,
    renewTrust: () => trust.renew(),
    checkImageWith: ({ resolver }) => makeCheckImage({ policy, ledger, resolver, incident }),
    async close() {
      life.abort();
      await opening.disposeAsync();
    },
  };
}

function viaOf(scope: string, { keys, identities }: OpenedSigner): string {
  const name = createHash('sha256')
    .update(JSON.stringify([scope, keys, identities]))
    .digest('hex');
  return `tagseal-${name.slice(0, 12)}`;
}

/** A command verifies little, and ends sooner without a thread. */
async function openVerifier(
  trust: EvidenceTrust,
  { logger, isServing }: { readonly logger: Logger; readonly isServing: boolean },
): Promise<EvidenceVerifier & { close(): Promise<void> }> {
  if (isServing) return startVerifierThread({ trust, logger });
  return { ...makeEvidenceVerifier(trust), close: () => Promise.resolve() };
}

function evidenceTrust(
  { keys, identities }: OpenedSigner,
  { trusted }: OpenedLog,
  sigstore: SigstoreTrust | undefined,
): EvidenceTrust {
  return { keys, identities, logs: trusted, ...(sigstore && { sigstore }) };
}

interface RegistryWish {
  readonly config: Config;
  readonly home: string | undefined;
  readonly clock: SystemClock;
  readonly extraCa: string | undefined;
  readonly allowPrivate: boolean;
  readonly metrics: Metrics | undefined;
}

function registryOptions({ config, home, clock, extraCa, allowPrivate, metrics }: RegistryWish) {
  const { allow, plainHttp, mirrors, credentialsFile, ambient } = config.registries;
  const mirrorHosts = [...mirrors.values()].flat().map(({ registry }) => registry);
  const file = credentialsFile === undefined ? dockerConfig(home) : { path: credentialsFile, required: true };
  return {
    clock,
    allowPrivate,
    namedHosts: new Set([...allow, ...plainHttp, ...mirrorHosts].filter((host) => !host.includes('*'))),
    plainHttp: new Set(plainHttp),
    mirrors,
    ambient,
    ...(file && { credentialsFile: file }),
    ...(extraCa !== undefined && { extraCa }),
    ...(metrics && { onCall: countRegistryCalls(metrics) }),
  };
}

/** Logs an error that nobody expected, and gives the id under which it was logged. */
export function incidentReporter(logger: Logger): (error: unknown) => string {
  return (error) => {
    const id = randomUUID();
    logger.error('internal.error', { id, error }, 'an error that nobody expected');
    return id;
  };
}

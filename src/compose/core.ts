import { randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { makeCheckImage } from '../check/check-image.ts';
import type { Ledger, VerifiedRecord } from '../check/ports.ts';
import type { CheckImage } from '../check/verdict.ts';
import type { Config } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { compilePolicy } from '../policy/rule-for.ts';
import { findStored } from '../protocol/find-stored.ts';
import { makeLedger } from '../protocol/ledger.ts';
import { loadRecord, type LoadedRecord } from '../protocol/load-record.ts';
import { makeNaming } from '../protocol/naming.ts';
import type { Clock, EvidenceVerifier, LogReader, RecordStore } from '../protocol/ports.ts';
import { makePublisher, type Publisher } from '../protocol/publish.ts';
import { makeReserver } from '../protocol/reserve.ts';
import type { StepHook } from '../protocol/steps.ts';
import { makeHeadTail } from '../protocol/head-tail.ts';
import { makeTail, type Tail, type TailParts } from '../protocol/tail.ts';
import type { TagReference } from '../reference/reference.ts';
import { makeRegistry, type Registry } from '../registry/make-registry.ts';
import type { KeySigner } from '../rekor/key-signer.ts';
import { makeEvidenceVerifier } from '../rekor/verify-bundle.ts';
import { openBlindingKey, openSigner } from './key-files.ts';
import { countLogCalls, countRecords, countRegistryCalls } from './counted.ts';
import { openLog, type OpenedLog } from './open-log.ts';
import { openStore } from './open-store.ts';

/** Each takes some 8 kB with its bundles; the warm path needs no store for as many tags as this. */
const MAX_REMEMBERED = 20_000;

export interface CoreOptions {
  readonly config: Config;
  readonly home: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Absent for a command: nobody would read them. */
  readonly metrics?: Metrics;
  /** Tests stop the process at these. */
  readonly at?: StepHook;
}

/** Everything behind the doors, wired. */
export interface Core {
  readonly ledger: Ledger;
  readonly log: OpenedLog;
  readonly signer: KeySigner;
  readonly store: RecordStore;
  readonly verifier: EvidenceVerifier;
  readonly publisher: Publisher;
  readonly tail: Tail;
  /** For what a Pod or a person names: private registries may be dialled. */
  readonly registry: Registry;
  /** For what a stranger on the network names. */
  readonly guardedRegistry: Registry;
  checkImageWith(registry: Registry): CheckImage;
  /** The record with its evidence, verified anew. Throws what Ledger.find throws. */
  readRecord(reference: TagReference, signal: AbortSignal): Promise<LoadedRecord | undefined>;
  close(): Promise<void>;
}

/** Opens keys, log, store and registries. Throws KEY_INVALID, LOG_*, TRUST_ROOT_INVALID, CONFIG_INVALID, STORE_UNAVAILABLE. */
export async function openCore({
  config,
  home,
  logger,
  clock,
  metrics,
  at = () => undefined,
}: CoreOptions): Promise<Core> {
  const life = new AbortController();
  const signer = await openSigner(config);
  const blindingKey = await openBlindingKey(config);
  const extraCa = await readCa(config);
  const opened = await openStore(config, logger);
  const { store } = opened;
  const count = countLogCalls(config.log.kind, metrics);
  const log = await openLog(config, { logger, count }).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });

  const naming = makeNaming({ scope: config.scope, privacy: config.privacy, blindingKey });
  const verifier = makeEvidenceVerifier({ keys: [signer.spki], logs: log.trusted });
  const memory = new LRUCache<string, VerifiedRecord>({ max: MAX_REMEMBERED });
  const { writer } = log;
  const tail = tailOf(log, { verifier, logger, lifetime: life.signal });
  const shared = { store, naming, verifier, memory, writer, at };
  const publisher = makePublisher({ ...shared, lifetime: life.signal });
  const reserver = makeReserver({ ...shared, signer, reader: bundleReader(log), tail, clock });
  const ledger = countRecords(makeLedger({ store, naming, verifier, memory, reserver, publisher }), metrics);

  const policy = compilePolicy(config.policy);
  const registryWith = (allowPrivate: boolean) =>
    makeRegistry(registryOptions({ config, home, clock, extraCa, allowPrivate, metrics }));
  const registry = registryWith(true);
  const guardedRegistry = registryWith(false);
  return {
    ledger,
    log,
    signer,
    store,
    verifier,
    publisher,
    tail,
    registry,
    guardedRegistry,
    checkImageWith: ({ resolver }) =>
      makeCheckImage({ policy: () => policy, ledger, resolver, incident: incidentReporter(logger) }),
    async readRecord(reference, signal) {
      const stored = await findStored(reference, { store, naming }, signal);
      return stored && (await loadRecord(stored.record, reference, { naming, verifier }));
    },
    async close() {
      life.abort();
      await Promise.all([registry.close(), guardedRegistry.close()]);
      await log.close();
      await opened.close();
    },
  };
}

/** How much of the log this process reads before it trusts a first sight. */
function tailOf({ follow, writer }: OpenedLog, parts: Omit<TailParts, 'reader' | 'origin'>): Tail {
  const { origin } = writer.identity;
  return follow.kind === 'tiles'
    ? makeTail({ ...parts, reader: follow.reader, origin })
    : makeHeadTail({ head: follow.head, origin, lifetime: parts.lifetime });
}

function bundleReader({ follow }: OpenedLog): Pick<LogReader, 'bundleAt'> {
  if (follow.kind === 'tiles') return follow.reader;
  return {
    bundleAt: () =>
      Promise.reject(new AppError({ code: 'INTERNAL', message: 'a log without tiles was asked for a leaf' })),
  };
}

interface RegistryWish {
  readonly config: Config;
  readonly home: string | undefined;
  readonly clock: Clock;
  readonly extraCa: string | undefined;
  readonly allowPrivate: boolean;
  readonly metrics: Metrics | undefined;
}

function registryOptions({ config, home, clock, extraCa, allowPrivate, metrics }: RegistryWish) {
  const { allow, plainHttp, credentialsFile } = config.registries;
  const defaultFile = home === undefined ? undefined : join(home, '.docker', 'config.json');
  const file =
    credentialsFile !== undefined
      ? { path: credentialsFile, required: true }
      : defaultFile && { path: defaultFile, required: false };
  return {
    clock,
    allowPrivate,
    namedHosts: new Set([...allow, ...plainHttp].filter((host) => !host.includes('*'))),
    plainHttp: new Set(plainHttp),
    ...(file && { credentialsFile: file }),
    ...(extraCa !== undefined && { extraCa }),
    ...(metrics && { onCall: countRegistryCalls(metrics) }),
  };
}

async function readCa({ registries: { caFile } }: Config): Promise<string | undefined> {
  if (caFile === undefined) return undefined;
  try {
    const pem = await readFile(caFile, 'utf8');
    // tls itself takes any text, and would only fail at the first connection
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    const why = String(error).replace(/^Error: /, '');
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `cannot use registries.caFile ${quote(caFile)}: ${why}; name a file of PEM certificates`,
      cause: error,
    });
  }
}

function incidentReporter(logger: Logger): (error: unknown) => string {
  return (error) => {
    const id = randomUUID();
    logger.error('internal.error', { id, error }, 'an error that nobody expected');
    return id;
  };
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config, RekorLogSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import type { SystemClock } from '../observe/clock.ts';
import type { Logger } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Checkpoint } from '../ledger/checkpoint.ts';
import { parseWitnessPolicy, requireWitnesses } from '../ledger/cosignature.ts';
import type { LogHead, LogReader, LogSearch, LogWriter } from '../protocol/ports.ts';
import { openEmbeddedLog } from '../rekor/embedded/embedded-log.ts';
import { readLock } from '../rekor/embedded/lock.ts';
import { readEmbeddedTrust } from '../rekor/embedded/read-trust.ts';
import { guardTransport } from '../rekor/guarded-transport.ts';
import { defaultRequestsPerMinute, PUBLIC_REKOR_V1 } from '../rekor/public-good.ts';
import type { LogTransport } from '../rekor/transport.ts';
import type { LogTrust } from '../rekor/trusted-root.ts';
import { makeUndiciTransport, openUndiciTransport } from '../rekor/undici-transport.ts';
import { parseSigningConfig } from '../rekor/signing-config.ts';
import { makeRekorV1Client } from '../rekor/v1-client.ts';
import { makeRekorV1Reader } from '../rekor/v1-reader.ts';
import { makeShardWatch, type ShardWatch } from '../rekor/v2-shards.ts';
import { makeRekorV2Client } from '../rekor/v2-client.ts';
import { makeWaitingWriter } from '../rekor/waiting-writer.ts';
import type { EmbeddedLogCheck } from './embedded-log-check.ts';
import { readCa } from './open-store.ts';
import type { OpenedTrust } from './open-trust.ts';

const API = '/api/v2';
/** Together 3 s: many times what a command on a known tag takes. */
const WAIT_MS = 50;
const MAX_WAITS = 60;
/** A Rekor v2 answers a write only after its next checkpoint, so each holds a connection for a second or more. */
const MAX_CONNECTIONS = 128;

export interface OpenedLog {
  readonly writer: LogWriter;
  /** A log of tiles is read leaf by leaf; of a Rekor v1 only the head is. */
  readonly follow:
    | {
        readonly kind: 'tiles';
        readonly reader: LogReader;
        /** Shards before it, the oldest last: they take no more entries, and what is in them counts. */
        readonly earlier: readonly { readonly trust: LogTrust; readonly reader: LogReader }[];
        /** What a checkpoint must have beside the log's signature. Throws LOG_PROOF_INVALID. */
        readonly accept?: (checkpoint: Checkpoint) => void;
      }
    | { readonly kind: 'head'; readonly head: LogHead; readonly search: LogSearch };
  readonly trusted: readonly [LogTrust, ...LogTrust[]];
  /** The embedded log's own HTTP API, where this process runs it. */
  readonly embedded?: { readonly transport: LogTransport; announce(url: string | undefined): Promise<void> };
  /** Which shard takes entries, where a signing config says so. */
  readonly shards?: ShardWatch;
  close(): Promise<void>;
}

/** The log of the config. Throws LOG_IN_USE, LOG_FORKED, LOG_UNAVAILABLE, TRUST_ROOT_INVALID. */
export async function openLog({ log, dataDir }: Config, parts: LogParts): Promise<OpenedLog> {
  return log.kind === 'embedded' ? openEmbedded(join(dataDir, 'log'), parts) : openRekor(log, parts);
}

export interface LogParts {
  readonly logger: Logger;
  readonly count: CountCalls;
  readonly trust: Pick<OpenedTrust, 'logs' | 'signingConfig'>;
  readonly clock: SystemClock;
  readonly metrics?: Metrics | undefined;
  /** Absent where no ledger is kept in the log. */
  readonly embeddedCheck?: EmbeddedLogCheck;
}

/** Wraps a transport so that its calls are counted. */
export type CountCalls = (transport: LogTransport) => LogTransport;

type EmbeddedParts = Pick<LogParts, 'logger' | 'count' | 'embeddedCheck'>;

/** The embedded log belongs to one process; where a `tagseal serve` has it open, we use it through that one's door. */
async function openEmbedded(dir: string, parts: EmbeddedParts): Promise<OpenedLog> {
  for (let waits = MAX_WAITS; ; waits -= 1) {
    const url = await servedAt(dir);
    if (url !== undefined) return openServed(dir, url, parts);
    try {
      return await openOwn(dir, parts);
    } catch (error) {
      // a command that has it open ends soon, and a `serve` that is starting soon tells its address
      if (waits === 0 || !(error instanceof AppError) || error.code !== 'LOG_IN_USE') throw error;
    }
    await delay(WAIT_MS);
  }
}

/** Where another living process serves the log. */
async function servedAt(dir: string): Promise<string | undefined> {
  const holder = await readLock(dir);
  return holder?.pid === process.pid ? undefined : holder?.url;
}

async function openServed(
  dir: string,
  url: string,
  { count, embeddedCheck }: EmbeddedParts,
): Promise<OpenedLog> {
  const trust = await readEmbeddedTrust(dir);
  // asked anew for each call: the process that serves the log may be restarted, and then has another address
  const transport = count(async (request) => {
    const baseUrl = await servedAt(dir);
    if (baseUrl === undefined) throw notServed(dir);
    return makeUndiciTransport({ baseUrl })(request);
  });
  return {
    ...tileLog(v2Client(url, trust, transport)),
    trusted: [trust, ...((await embeddedCheck?.earlier()) ?? [])],
    close: () => Promise.resolve(),
  };
}

function notServed(dir: string): AppError {
  return new AppError({
    code: 'LOG_UNAVAILABLE',
    message: `cannot reach the log in ${quote(dir)}: the process that served it has ended; start it again, or restart this one`,
    retryAfterSeconds: 5,
  });
}

async function openOwn(dir: string, { logger, count, embeddedCheck }: EmbeddedParts): Promise<OpenedLog> {
  // the store has its own time limits
  const { signal } = new AbortController();
  const earlier = (await embeddedCheck?.earlier()) ?? [];
  const check =
    embeddedCheck && ((found?: { readonly origin: string }) => embeddedCheck.check(dir, found, signal));
  const opened = await openEmbeddedLog({ dir, logger, check });
  try {
    await embeddedCheck?.keep(opened.trust, signal);
  } catch (error) {
    await opened.close();
    throw error;
  }
  return {
    ...tileLog(v2Client(dir, opened.trust, count(opened.transport))),
    trusted: [opened.trust, ...earlier],
    embedded: { transport: opened.transport, announce: (url) => opened.announce(url) },
    close: () => opened.close(),
  };
}

function tileLog(client: LogWriter & LogReader): Pick<OpenedLog, 'writer' | 'follow'> {
  return { writer: client, follow: { kind: 'tiles', reader: client, earlier: [] } };
}

/** A checkpoint that too few witnesses have seen may be one of two views. Throws CONFIG_INVALID. */
function witnessed({
  keys,
  quorum,
}: RekorLogSettings['witnesses']): ((checkpoint: Checkpoint) => void) | undefined {
  if (keys.length === 0) return undefined;
  const policy = parseWitnessPolicy(keys, quorum);
  return ({ note }) => void requireWitnesses(note, policy);
}

function v2Client(url: string, trust: LogTrust, transport: LogTransport): LogWriter & LogReader {
  return makeRekorV2Client({ url, trust, write: transport, read: { transport, prefix: API } });
}

interface RekorPlace {
  readonly log: RekorLogSettings;
  readonly url: string;
  readonly trusted: OpenedLog['trusted'];
  readonly transportTo: (baseUrl: string) => LogTransport;
}

async function openRekor(log: RekorLogSettings, parts: LogParts): Promise<OpenedLog> {
  const { kind } = log;
  const shards = shardWatch(log, parts);
  const url = log.url ?? (await shards?.planned())?.url ?? PUBLIC_REKOR_V1;
  const trusted = await parts.trust.logs(kind, { url, trust: log.trust });
  const connections = await guardedTransports(log, url, parts);
  const place = { log, url, trusted, transportTo: connections.to };
  const opened = kind === 'rekor-v1' ? openV1(place, parts) : openV2(place);
  const writer = shards === undefined ? opened.writer : await makeWaitingWriter(opened.writer, shards);
  return { ...opened, writer, trusted, ...(shards && { shards }), close: () => connections.close() };
}

function openV1(
  { log, url, trusted, transportTo }: RekorPlace,
  { clock, logger }: LogParts,
): Pick<OpenedLog, 'writer' | 'follow'> {
  const [trust] = trusted;
  const transport = transportTo(url);
  const watchTime = {
    now: () => clock.now(),
    onSkew: (skewSeconds: number) =>
      logger.error('log.timeWrong', { url, skewSeconds }, 'the log or this machine has a wrong time'),
  };
  const writer = makeRekorV1Client({ url, trust, transport, watchTime });
  if (!log.follow) return { writer, follow: { kind: 'head', head: writer, search: writer } };
  const reader = makeRekorV1Reader({ url, trust, transport });
  return { writer, follow: { kind: 'tiles', reader, earlier: [] } };
}

function openV2({ log, url, trusted, transportTo }: RekorPlace): Pick<OpenedLog, 'writer' | 'follow'> {
  const [trust, ...others] = trusted;
  const write = transportTo(url);
  const { readUrl } = log;
  const read =
    readUrl === undefined
      ? { transport: write, prefix: API }
      : { transport: transportTo(readUrl), prefix: '' };
  const client = makeRekorV2Client({ url, trust, write, read });
  const earlier = others.flatMap((shard) => {
    const { baseUrl } = shard;
    if (baseUrl === undefined) return [];
    return [{ trust: shard, reader: v2Client(baseUrl, shard, transportTo(baseUrl)) }];
  });
  const accept = witnessed(log.witnesses);
  return { writer: client, follow: { kind: 'tiles', reader: client, earlier, ...(accept && { accept }) } };
}

/** Connections of our own, and each address asked with care; what becomes of the one for writes is told. */
async function guardedTransports(
  log: RekorLogSettings,
  writeUrl: string,
  { count, clock, metrics }: LogParts,
): Promise<{ readonly to: RekorPlace['transportTo']; close(): Promise<void> }> {
  const ca = log.caFile === undefined ? undefined : await readCa('log.caFile', log.caFile);
  const opened: { close(): Promise<void> }[] = [];
  return {
    to: (baseUrl) => {
      const connections = openUndiciTransport({ baseUrl, ca, connections: MAX_CONNECTIONS });
      opened.push(connections);
      return guardTransport(count(connections.transport), {
        monotonicMs: () => clock.monotonicMs(),
        random: Math.random,
        requestsPerMinute: log.requestsPerMinute ?? defaultRequestsPerMinute(baseUrl),
        ...(baseUrl === writeUrl && metrics && { onState: (state) => metrics.setBreaker(state) }),
      });
    },
    async close() {
      await Promise.all(opened.map((each) => each.close()));
    },
  };
}

/** Where a Rekor v2 is continued shard by shard, by its signing config: a file, or with no address at all by TUF. */
function shardWatch(
  { kind, url, signingConfigFile: file }: RekorLogSettings,
  { clock, logger, trust }: Pick<LogParts, 'clock' | 'logger' | 'trust'>,
): ShardWatch | undefined {
  if (kind === 'rekor-v1' || url !== undefined) return undefined;
  return makeShardWatch({
    read: async () =>
      file === undefined ? trust.signingConfig() : parseSigningConfig(file, await readSigningConfig(file)),
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    onStale: (error) => logger.warn('log.signingConfigStale', { error }, 'the last good one is used'),
  });
}

async function readSigningConfig(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError({
      code: 'TRUST_ROOT_INVALID',
      message: `cannot read log.signingConfigFile ${quote(file)}: ${String(cause).replace(/^Error: /, '')}; name a file that can be read`,
      cause,
    });
  }
}

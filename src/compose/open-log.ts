import { join } from 'node:path';
import type { Config, LogSettings } from '../config/config.ts';
import { AppError } from '../errors/app-error.ts';
import type { Logger } from '../observe/log.ts';
import type { LogReader, LogWriter } from '../protocol/ports.ts';
import { openEmbeddedLog } from '../rekor/embedded/embedded-log.ts';
import { readLock } from '../rekor/embedded/lock.ts';
import { readEmbeddedTrust } from '../rekor/embedded/read-trust.ts';
import { readLogTrust } from '../rekor/trust.ts';
import type { LogTransport } from '../rekor/transport.ts';
import type { LogTrust } from '../rekor/trusted-root.ts';
import { makeUndiciTransport } from '../rekor/undici-transport.ts';
import { makeRekorV2Client } from '../rekor/v2-client.ts';

const API = '/api/v2';

export interface OpenedLog {
  readonly client: LogWriter & LogReader;
  readonly trusted: readonly [LogTrust, ...LogTrust[]];
  /** The embedded log's own HTTP API, where this process runs it. */
  readonly embedded?: { readonly transport: LogTransport; announce(url: string): Promise<void> };
  close(): Promise<void>;
}

/** The log of the config. Throws LOG_IN_USE, LOG_FORKED, LOG_UNAVAILABLE, TRUST_ROOT_INVALID. */
export async function openLog({ log, dataDir }: Config, logger: Logger): Promise<OpenedLog> {
  return log.kind === 'embedded' ? openEmbedded(join(dataDir, 'log'), logger) : openRekor(log);
}

/** The embedded log belongs to one process; where a `tagseal serve` has it open, we use it through that one's door. */
async function openEmbedded(dir: string, logger: Logger): Promise<OpenedLog> {
  const holder = await readLock(dir);
  if (holder?.url !== undefined && holder.pid !== process.pid) {
    const trust = await readEmbeddedTrust(dir);
    const transport = makeUndiciTransport({ baseUrl: holder.url });
    return {
      client: v2Client(holder.url, trust, transport),
      trusted: [trust],
      close: () => Promise.resolve(),
    };
  }
  const opened = await openEmbeddedLog({ dir, logger });
  return {
    client: v2Client(dir, opened.trust, opened.transport),
    trusted: [opened.trust],
    embedded: { transport: opened.transport, announce: (url) => opened.announce(url) },
    close: () => opened.close(),
  };
}

function v2Client(url: string, trust: LogTrust, transport: LogTransport): LogWriter & LogReader {
  return makeRekorV2Client({ url, trust, write: transport, read: { transport, prefix: API } });
}

async function openRekor(log: LogSettings): Promise<OpenedLog> {
  const { kind, url } = log;
  if (kind !== 'rekor-v2' || url === undefined) {
    throw new AppError({
      code: 'CONFIG_INVALID',
      message: `log.kind ${kind} is not supported yet; use rekor-v2 or embedded`,
    });
  }
  const trusted = await readLogTrust({ kind, url, ...trustSource(log) });
  const write = makeUndiciTransport({ baseUrl: url });
  const read =
    log.readUrl === undefined
      ? { transport: write, prefix: API }
      : { transport: makeUndiciTransport({ baseUrl: log.readUrl }), prefix: '' };
  return {
    client: makeRekorV2Client({ url, trust: trusted[0], write, read }),
    trusted,
    close: () => Promise.resolve(),
  };
}

function trustSource({ trustedRootFile, publicKeyFile, origin }: LogSettings) {
  if (trustedRootFile !== undefined) return { trustedRootFile };
  if (publicKeyFile !== undefined && origin !== undefined) return { publicKeyFile, origin };
  throw new AppError({
    code: 'CONFIG_INVALID',
    message: 'log.trustedRootFile, or log.publicKeyFile with log.origin, must say which log to trust',
  });
}

import type { Logger } from '../../src/observe/log.ts';
import type { LogReader, LogWriter } from '../../src/protocol/ports.ts';
import type { Disk } from '../../src/rekor/embedded/disk.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../src/rekor/embedded/embedded-log.ts';
import type { LogTransport } from '../../src/rekor/transport.ts';
import type { LogTrust } from '../../src/rekor/trusted-root.ts';
import { makeRekorV2Client } from '../../src/rekor/v2-client.ts';
import { makeTempFolder } from './temp-folder.ts';

export const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** A running log as the contract suite and other tests see it. */
export interface RunningLog extends AsyncDisposable {
  readonly trust: LogTrust;
  readonly client: LogWriter & LogReader;
}

/** The client of a log in this process; time passes at once for it. */
export function clientOf(trust: LogTrust, transport: LogTransport): LogWriter & LogReader {
  const read = { transport, prefix: '/api/v2' };
  return makeRekorV2Client({ url: 'http://log.test', trust, write: transport, read, sleep: async () => {} });
}

/** An embedded log in a folder that goes away with it. */
export async function startEmbeddedLog(
  options: { readonly disk?: Disk; readonly origin?: string } = {},
): Promise<RunningLog & { readonly log: EmbeddedLog; readonly dir: string }> {
  const folder = await makeTempFolder();
  const log = await openEmbeddedLog({ dir: folder.path, logger: SILENT, ...options });
  return {
    log,
    dir: folder.path,
    trust: log.trust,
    client: clientOf(log.trust, log.transport),
    async [Symbol.asyncDispose]() {
      await log.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

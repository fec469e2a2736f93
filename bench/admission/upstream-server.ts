// What stands behind the webhook: a registry that knows every tag, and the log, both on loopback. It counts each call.
// Arguments: number of tags, the log's folder. Prints its two addresses; GET /counts gives the counts.
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { openEmbeddedLog } from '../../src/rekor/embedded/embedded-log.ts';
import { makeLogHttpHandler } from '../../src/rekor/embedded/http-handler.ts';
import { silentLogger } from '../../test/support/ledger-setup.ts';
import { digestOf, manifestOf, nameOf } from './known-images.ts';

export interface Counts {
  readonly registryGets: number;
  readonly registryHeads: number;
  /** HEADs of any one tag within any 10 s. */
  readonly mostHeadsOfOneTag: number;
  readonly logWrites: number;
  /** Entries and tiles. */
  readonly logReads: number;
  /** What replicas follow the log by, in the background. */
  readonly logCheckpoints: number;
}

/** A millisecond less than the time for which an answer is shared: the clock counts whole ones. */
const WINDOW_MS = 9999;

const [tags = '', logFolder = ''] = process.argv.slice(2);
const manifests = new Map<string, { readonly bytes: Buffer; readonly digest: string }>(
  Array.from({ length: Number(tags) }, (_, i) => {
    const bytes = manifestOf(i);
    return [`/v2/${nameOf(i).replace(':', '/manifests/')}`, { bytes, digest: digestOf(bytes) }] as const;
  }),
);
const counts = {
  registryGets: 0,
  registryHeads: 0,
  mostHeadsOfOneTag: 0,
  logWrites: 0,
  logReads: 0,
  logCheckpoints: 0,
};
const recentHeads = new Map<string, number[]>();

function countHead(path: string): void {
  const now = performance.now();
  const recent = (recentHeads.get(path) ?? []).filter((at) => at > now - WINDOW_MS);
  recent.push(now);
  recentHeads.set(path, recent);
  counts.registryHeads += 1;
  counts.mostHeadsOfOneTag = Math.max(counts.mostHeadsOfOneTag, recent.length);
}

const registry: RequestListener = (request, response) => {
  const path = request.url ?? '';
  if (request.method === 'HEAD') countHead(path);
  else counts.registryGets += 1;
  const manifest = manifests.get(path);
  if (manifest === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/vnd.oci.image.index.v1+json',
    'content-length': manifest.bytes.length,
    'docker-content-digest': manifest.digest,
  });
  response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
};

const opened = await openEmbeddedLog({ dir: logFolder, logger: silentLogger });
const answerOfLog = makeLogHttpHandler(opened.transport);
const log: RequestListener = (request, response) => {
  if (request.url === '/counts') {
    response.end(JSON.stringify(counts satisfies Counts));
    return;
  }
  if (request.method === 'POST') counts.logWrites += 1;
  else if (request.url?.endsWith('/checkpoint') === true) counts.logCheckpoints += 1;
  else counts.logReads += 1;
  answerOfLog(request, response);
};

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer({ keepAliveTimeout: 120_000 }, handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

const registryHost = await listen(registry);
const logHost = await listen(log);
// whoever opens this folder finds that the log is open here, and comes to this door
await opened.announce(`http://${logHost}`);
console.log(`registry ${registryHost} log ${logHost}`);
process.on('SIGTERM', () => {
  void opened.close().then(() => process.exit(0));
});

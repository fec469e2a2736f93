import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import { generateKeyPairSync } from 'node:crypto';
import { join, normalize } from 'node:path';
import type { RunningProcess } from '../../support/start-process.ts';
import { goTool } from './install.ts';
import { startPart, type Part } from './kubernetes/part.ts';
import { LOOPBACK, type Place } from './kubernetes/place.ts';

/** Ports that were free a moment ago; programs that cannot take port 0 need them. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createTcpServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      server.close();
      await once(server, 'close');
      if (address === null || typeof address === 'string') throw new Error('no port');
      return address.port;
    }),
  );
}

export interface StartedRegistry extends Part {
  /** `address:port`, plain HTTP. */
  readonly host: string;
}

/** The distribution registry (CNCF distribution v3), on loopback by default, its data under `folder`. */
export async function startRegistry(
  folder: string,
  { place = LOOPBACK, port }: { readonly place?: Place; readonly port?: number } = {},
): Promise<StartedRegistry> {
  const [free = 0] = await freePorts(1);
  const host = `${place.address}:${port ?? free}`;
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'registry.yml');
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'info', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') } },
      http: { addr: host, secret: 'test' },
    }),
  );
  const registry = await startPart({
    place,
    command: goTool('registry'),
    args: ['serve', config],
    env: { OTEL_TRACES_EXPORTER: 'none' },
    ready: (process) => process.waitFor(/listening on/),
  });
  return { ...registry, host };
}

/** A server that a test can take away and bring back: same address, same keys, same data. */
export interface Restartable {
  /** kill -9. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface StartedRekor extends Restartable, AsyncDisposable {
  readonly url: string;
  readonly readUrl: string;
  readonly origin: string;
  readonly publicKeyFile: string;
  readonly storage: string;
}

/**
 * A private Rekor v2 (POSIX), its tiles served by a static file server as in production: by this process, at
 * `readAddress`. On loopback by default.
 */
export async function startRekorV2(
  folder: string,
  {
    place = LOOPBACK,
    readAddress = '127.0.0.1',
  }: { readonly place?: Place; readonly readAddress?: string } = {},
): Promise<StartedRekor> {
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  const storage = join(folder, 'storage');
  await mkdir(storage, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const keyFile = join(folder, 'log.pem');
  const publicKeyFile = join(folder, 'log.pub');
  await writeFile(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const args = [
    'serve',
    `--storage-dir=${storage}`,
    `--signer-filepath=${keyFile}`,
    '--hostname=rekor-local',
    `--http-address=${place.address}`,
    `--http-port=${http}`,
    '--grpc-address=127.0.0.1',
    `--grpc-port=${grpc}`,
    `--http-metrics-port=${metrics}`,
    '--checkpoint-interval=200ms',
    '--batch-max-age=50ms',
    '--persistent-antispam',
  ];
  const url = `http://${place.address}:${http}`;
  const rekor = await startPart({
    place,
    command: goTool('rekorV2'),
    args,
    env: { GOMEMLIMIT: '512MiB' },
    ready: (process) => untilHealthy(`${url}/healthz`, process),
  });
  const tiles = await serveFolder(storage, readAddress);
  return {
    url,
    readUrl: tiles.url,
    origin: 'rekor-local',
    publicKeyFile,
    storage,
    start: () => rekor.start(),
    kill: () => rekor.kill(),
    async [Symbol.asyncDispose]() {
      await rekor[Symbol.asyncDispose]();
      tiles.server.closeAllConnections();
      tiles.server.close();
    },
  };
}

/** Asks until the server says 200; gives up when the process has ended or after some 30 s. */
export async function untilHealthy(url: string, process: RunningProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.status === 200) return;
    const ended = await Promise.race([process.exited, pause(100)]);
    if (ended !== undefined) break;
  }
  throw new Error(`${url} did not become healthy:\n${process.output()}`);
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => {
      resolve(undefined);
    }, ms);
  });
}

async function serveFolder(
  folder: string,
  host: string,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'));
    const file = join(folder, path);
    // opened once: a checkpoint is replaced at any time, and its size must be that of what is sent
    void readFile(file)
      .then((bytes) => {
        if (path.includes('/.')) throw new Error('no file');
        response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
      })
      .catch(() => {
        response.writeHead(404).end();
      });
  }).listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return { url: `http://${host}:${address.port}`, server };
}

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startUpstream, type Upstream } from '../admission/contenders.ts';
import { goTool } from '../../test/e2e/stack/install.ts';
import { startDrip, type Drip } from './drip.ts';
import { startRegistry } from '../../test/e2e/stack/start.ts';
import { startServe, type Served } from '../../test/support/serve.ts';
import { startProcess } from '../../test/support/start-process.ts';

export interface Parts extends AsyncDisposable {
  /** The real registry, `host:port`. */
  readonly registry: string;
  /** One that answers manifests as the registry does and redirects blobs to it. */
  readonly redirecting: string;
  /** One that answers everything a byte a second. */
  readonly drip: Drip;
  readonly served: Served;
  /** What only copies between the registry and its clients. */
  readonly relay: Relay;
  /** Counts what reaches the log. */
  readonly log: Upstream;
  readonly image: Image;
}

export interface Relay {
  readonly host: string;
  readonly pid: number;
}

export interface Image {
  readonly repository: string;
  readonly tag: string;
  readonly layer: string;
  readonly bytes: number;
}

const RELAY = fileURLToPath(new URL('relay.ts', import.meta.url));
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const PLENTY = { requestsPerMinute: 0, tagsPerMinute: 0, newTagsPerMinute: 0 };

/** As in the Dockerfile and examples/systemd. */
const ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '262144',
  NODE_OPTIONS: '--max-semi-space-size=8',
};

/** A real registry with one image of one large layer, a log that counts, and the built program with its proxy before them. */
export async function startParts(
  folder: string,
  { layerBytes, verifyBlobs }: { readonly layerBytes: number; readonly verifyBlobs: boolean },
): Promise<Parts> {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry(`${folder}/registry`));
  const image = await pushLarge(registry.host, layerBytes);
  const front = createServer((request, response) => {
    const location = `http://${registry.host}${request.url ?? '/'}`;
    response.writeHead(307, { location, 'content-length': 0 }).end();
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  stack.defer(() => {
    front.closeAllConnections();
    front.close();
  });
  const address = front.address();
  const redirecting = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const drip = stack.use(await startDrip());
  const log = stack.use(await startUpstream(folder, 0));
  const served = stack.use(
    await startServe({
      folder,
      registries: [registry.host, redirecting, drip.host],
      proxy: { limits: PLENTY, verifyBlobs },
      env: ENVIRONMENT,
    }),
  );
  const relay = stack.use(startProcess(process.execPath, [RELAY, registry.host.split(':')[1] ?? '']));
  const [, relayPort = ''] = await relay.waitFor(/port (\d+)/);
  const owned = stack.move();
  return {
    registry: registry.host,
    redirecting,
    drip,
    served,
    relay: { host: `127.0.0.1:${relayPort}`, pid: relay.pid },
    log,
    image,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** How a client names the image in the proxy. */
export function inProxy({ served }: Parts, registry: string, { repository }: Image): string {
  return `${served.proxy.replace('http://', '')}/${registry.replace(':', '_')}/${repository}`;
}

export function crane(): string {
  return goTool('crane');
}

async function pushLarge(host: string, bytes: number): Promise<Image> {
  const repository = 'bench/large';
  const layer = await pushBlob(host, repository, randomBytes(bytes));
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer] },
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: await pushBlob(host, repository, config),
      size: config.length,
    },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer, size: bytes }],
  };
  await put(new URL(`http://${host}/v2/${repository}/manifests/1`), MANIFEST, JSON.stringify(manifest));
  return { repository, tag: '1', layer, bytes };
}

async function pushBlob(host: string, repository: string, bytes: Buffer): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const base = `http://${host}/v2/${repository}/blobs/uploads/`;
  const opened = await fetch(base, { method: 'POST' });
  const url = new URL(opened.headers.get('location') ?? '', base);
  url.searchParams.set('digest', digest);
  await put(url, 'application/octet-stream', bytes);
  return digest;
}

async function put(url: URL, type: string, body: Buffer | string): Promise<void> {
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  if (answer.status !== 201) throw new Error(`PUT ${url.pathname}: ${answer.status}`);
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly peakRssMb: number;
}

const TICKS_PER_SECOND = 100;

/** What a process has taken so far. */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    peakRssMb: (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6,
  };
}

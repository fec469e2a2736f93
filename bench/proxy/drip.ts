import { createServer, get, type ClientRequest } from 'node:http';

/** A registry that answers everything at once, and then brings a byte a second. */
export interface Drip extends Disposable {
  readonly host: string;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export async function startDrip(): Promise<Drip> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': MANIFEST, 'content-length': 1_000_000 });
    const drip = setInterval(() => response.write(' '), 1_000);
    response.on('close', () => clearInterval(drip));
    response.write('{');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Pulls extends Disposable {
  /** Those that the proxy has not cut. */
  open(): number;
}

/** So many pulls of it through the proxy, of a manifest and of a blob in turn. */
export function pullDripping(proxy: string, { host }: Drip, count: number): Pulls {
  const open = new Set<ClientRequest>();
  for (let index = 0; index < count; index += 1) {
    const kind = index % 2 === 0 ? 'manifests' : 'blobs';
    const digest = `sha256:${index.toString(16).padStart(64, '0')}`;
    const url = `${proxy}/v2/${host.replace(':', '_')}/drip/app${index}/${kind}/${digest}`;
    const request = get(url, { agent: false }, (answer) => answer.on('error', () => undefined).resume());
    request.on('error', () => undefined).on('close', () => open.delete(request));
    open.add(request);
  }
  return {
    open: () => open.size,
    [Symbol.dispose]() {
      for (const request of open) request.destroy();
    },
  };
}

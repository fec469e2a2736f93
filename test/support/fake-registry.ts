import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { makeImageContent } from './oci-content.ts';
import type { ImageOptions } from './oci-content.ts';
import { pushImage } from './push-image.ts';
import type { PushedImage } from './push-image.ts';
import { makeRegistryContent } from './registry-content.ts';
import type { RegistryContent, StoredManifest } from './registry-content.ts';

/** How the registry misbehaves on pulls; pushes are always honest. */
export interface Lies {
  /** A tag gives the first platform's manifest to whoever does not accept an index. */
  digestByAccept?: boolean;
  /** Docker-Content-Digest: left out, or this text. */
  digestHeader?: 'none' | { readonly text: string };
  /** Manifest bodies are one byte longer than they were pushed, while the header stays. */
  wrongBody?: boolean;
  /** HEAD of a manifest answers this. */
  headStatus?: number;
  contentType?: string;
  /** Blobs: 307 to this URL, or to a path of this registry that needs the login again. */
  blobRedirect?: string;
  /** Manifests: 307 to this URL; `{path}` in it becomes the path of the request. */
  manifestRedirect?: string;
  gzip?: boolean;
  body?: 'oversized' | 'endless' | 'stuck' | 'short';
  /** Manifests never get an answer. */
  silent?: boolean;
  /** Pulls are answered once this has resolved; it is called for each. */
  before?: (path: string) => Promise<void>;
  auth?: Auth;
  /** Every request is answered 429 with this Retry-After. */
  rateLimit?: { readonly retryAfter?: string };
  /** The next `times` requests for manifests and blobs answer `status`. */
  failing?: { readonly status: number; times: number };
  /** The next `times` requests break the connection. */
  breaking?: { times: number };
  /** `ratelimit-remaining` of manifests. */
  remaining?: string;
  /** The whole of a list of tags. */
  listBody?: string;
  /** Of a blob, whatever was asked for. */
  blobStatus?: number;
  /** Instead of the link to the next page of tags, and on referrers. */
  listLink?: string;
  /** The referrers API answers with these; without it there is none. */
  referrers?: {
    readonly filters?: boolean;
    readonly manifests: readonly { readonly digest: string; readonly artifactType: string }[];
  };
  /** Each tag shows these digests in turn, and each next tag begins with the next one. */
  alternating?: readonly string[];
}

export interface Auth {
  readonly kind: 'bearer' | 'basic' | 'multi';
  /** Absent: the token service gives tokens to everybody. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly identityToken?: string;
  readonly realm?: string;
  readonly expiresIn?: number;
  /** The token service's whole answer. */
  readonly tokenBody?: string;
  /** The token service answers 307 to this URL. */
  readonly tokenRedirect?: string;
  /** Tokens are given and never accepted. */
  readonly never?: boolean;
}

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly url: string;
  readonly content: RegistryContent;
  /** Set and delete fields at will. */
  readonly lies: Lies;
  readonly requests: LoggedRequest[];
  /** Number of requests of a method whose path holds a text. */
  count(method: string, path: string): number;
  /** Pushes over HTTP and forgets that in the log. */
  putImage(image: { repository: string; tag: string } & ImageOptions): Promise<PushedImage>;
  /** Makes every token given so far invalid. */
  revokeTokens(): void;
  close(): Promise<void>;
}

const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const BLOB = /^\/v2\/(.+)\/blobs\/([^/]+)$/;
const UPLOAD = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/;
const REFERRERS = /^\/v2\/(.+)\/referrers\/([^/]+)$/;
const TAGS = /^\/v2\/(.+)\/tags\/list$/;
const OVERSIZED = 5 * 1024 * 1024;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly body: Buffer;
}

/** A distribution registry on a loopback port, honest until told otherwise. */
export async function startFakeRegistry(): Promise<FakeRegistry> {
  const content = makeRegistryContent();
  const lies: Lies = {};
  const requests: LoggedRequest[] = [];
  const tokens = new Set<string>();
  const turns = new Map<string, number>();
  let issued = 0;
  let url = '';

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const target = new URL(request.url ?? '/', url);
    const method = request.method ?? '';
    requests.push({ method, path: request.url ?? '', headers: request.headers, body: body.toString() });
    const exchange = { request, response, url: target, body };
    if (target.pathname === '/token') {
      sendToken(exchange);
      return;
    }
    if (method === 'POST' || method === 'PUT') {
      receive(exchange, content);
      return;
    }
    await lies.before?.(target.pathname);
    if (interrupts(response)) return;
    if (!mayPass(exchange)) {
      challenge(response);
      return;
    }
    serve(exchange);
  }

  function interrupts(response: ServerResponse): boolean {
    if (lies.rateLimit !== undefined) {
      const { retryAfter } = lies.rateLimit;
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      fail(response, 429, 'TOOMANYREQUESTS');
      return true;
    }
    if (lies.breaking !== undefined && lies.breaking.times > 0) {
      lies.breaking.times -= 1;
      response.destroy();
      return true;
    }
    if (lies.failing === undefined || lies.failing.times <= 0) return false;
    lies.failing.times -= 1;
    fail(response, lies.failing.status, 'UNKNOWN');
    return true;
  }

  function mayPass({ request }: Exchange): boolean {
    const { auth } = lies;
    if (auth === undefined) return true;
    const header = request.headers.authorization ?? '';
    if (auth.never === true) return false;
    if (auth.kind !== 'bearer' && auth.user !== undefined && header === basic(auth.user)) return true;
    return auth.kind !== 'basic' && header.startsWith('Bearer ') && tokens.has(header.slice(7));
  }

  function challenge(response: ServerResponse): void {
    const kind = lies.auth?.kind;
    const realm = lies.auth?.realm ?? `${url}/token`;
    const bearer = `Bearer realm="${realm}",service="fake",scope="repository:any:pull,push"`;
    if (kind === 'bearer') response.setHeader('www-authenticate', bearer);
    if (kind === 'basic') response.setHeader('www-authenticate', 'Basic realm="a, b"');
    if (kind === 'multi') response.setHeader('www-authenticate', ['Negotiate', `Basic realm="x", ${bearer}`]);
    fail(response, 401, 'UNAUTHORIZED');
  }

  function sendToken({ request, response, body }: Exchange): void {
    const auth = lies.auth;
    if (auth?.tokenRedirect !== undefined) {
      redirect(response, auth.tokenRedirect);
      return;
    }
    const form = new URLSearchParams(body.toString());
    const known =
      auth?.identityToken !== undefined
        ? form.get('refresh_token') === auth.identityToken
        : auth?.user === undefined || request.headers.authorization === basic(auth.user);
    if (!known) {
      fail(response, 401, 'UNAUTHORIZED');
      return;
    }
    issued += 1;
    const token = `token-${issued}`;
    tokens.add(token);
    const expiry = auth?.expiresIn === undefined ? {} : { expires_in: auth.expiresIn };
    response.setHeader('content-type', 'application/json');
    // in chunks, so that no Content-Length tells the size beforehand
    response.write(auth?.tokenBody ?? JSON.stringify({ token, ...expiry }));
    response.end();
  }

  function serve({ request, response, url }: Exchange): void {
    const { pathname } = url;
    const [, manifestRepository, reference] = MANIFEST.exec(pathname) ?? [];
    if (manifestRepository !== undefined && reference !== undefined) {
      serveManifest(request, response, manifestRepository, reference);
      return;
    }
    const [, blobRepository, digest] = BLOB.exec(pathname) ?? [];
    if (blobRepository !== undefined && digest !== undefined) {
      serveBlob(request, response, content.blob(blobRepository, digest));
      return;
    }
    const [, tagRepository] = TAGS.exec(pathname) ?? [];
    if (tagRepository !== undefined) {
      sendTags(response, url, tagRepository);
      return;
    }
    const [, referred, subject] = REFERRERS.exec(pathname) ?? [];
    if (referred !== undefined && subject !== undefined && lies.referrers !== undefined) {
      const { filters = false, manifests } = lies.referrers;
      const type = url.searchParams.get('artifactType');
      const isFiltered = filters && type !== null;
      response.setHeader('content-type', 'application/vnd.oci.image.index.v1+json');
      if (isFiltered) response.setHeader('oci-filters-applied', 'artifactType');
      if (lies.listLink !== undefined) response.setHeader('link', lies.listLink);
      const shown = isFiltered ? manifests.filter(({ artifactType }) => artifactType === type) : manifests;
      response.end(JSON.stringify({ schemaVersion: 2, manifests: shown }));
      return;
    }
    if (pathname === '/v2/') return void response.end('{}');
    fail(response, 404, 'NAME_UNKNOWN');
  }

  function sendTags(response: ServerResponse, asked: URL, repository: string): void {
    const [count, last = ''] = [asked.searchParams.get('n'), asked.searchParams.get('last') ?? undefined];
    const left = content.tags(repository).filter((tag) => tag > last);
    const tags = count === null ? left : left.slice(0, Number(count));
    if (tags.length < left.length) {
      const next = `/v2/${repository}/tags/list?n=${count ?? ''}&last=${tags.at(-1) ?? ''}`;
      response.setHeader('link', lies.listLink ?? `<http://internal.invalid${next}>; rel="next"`);
    }
    response.setHeader('content-type', 'application/json');
    response.end(lies.listBody ?? JSON.stringify({ name: repository, tags }));
  }

  function serveManifest(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    reference: string,
  ): void {
    if (lies.silent === true) return;
    if (lies.manifestRedirect !== undefined) {
      redirect(response, lies.manifestRedirect.replace('{path}', request.url ?? ''));
      return;
    }
    if (request.method === 'HEAD' && lies.headStatus !== undefined) {
      fail(response, lies.headStatus, 'UNSUPPORTED');
      return;
    }
    const manifest = choose(repository, reference, request.headers.accept ?? '');
    if (manifest === undefined) {
      fail(response, 404, 'MANIFEST_UNKNOWN');
      return;
    }
    sendManifest(request, response, manifest);
  }

  function choose(repository: string, reference: string, accept: string): StoredManifest | undefined {
    const isTag = !reference.includes(':');
    if (isTag && lies.alternating !== undefined) {
      const turn = (turns.get(`${repository}:${reference}`) ?? turns.size) + 1;
      turns.set(`${repository}:${reference}`, turn);
      return content.manifest(repository, lies.alternating[turn % lies.alternating.length] ?? '');
    }
    const found = content.manifest(repository, reference);
    if (!isTag || found === undefined || lies.digestByAccept !== true || accept.includes(found.mediaType)) {
      return found;
    }
    const [child] = (JSON.parse(found.bytes.toString()) as { manifests: { digest: string }[] }).manifests;
    return content.manifest(repository, child?.digest ?? '');
  }

  function sendManifest(request: IncomingMessage, response: ServerResponse, manifest: StoredManifest): void {
    if (lies.remaining !== undefined) response.setHeader('ratelimit-remaining', lies.remaining);
    response.setHeader('content-type', lies.contentType ?? manifest.mediaType);
    const claim = typeof lies.digestHeader === 'object' ? lies.digestHeader.text : manifest.digest;
    if (lies.digestHeader !== 'none') response.setHeader('docker-content-digest', claim);
    const honest =
      lies.wrongBody === true ? Buffer.concat([manifest.bytes, Buffer.from('\n')]) : manifest.bytes;
    if (lies.gzip === true) response.setHeader('content-encoding', 'gzip');
    const bytes = lies.gzip === true ? gzipSync(honest) : honest;
    if (request.method === 'HEAD') {
      response.setHeader('content-length', bytes.length);
      response.end();
      return;
    }
    sendBody(response, bytes);
  }

  function sendBody(response: ServerResponse, bytes: Buffer): void {
    if (lies.body === 'oversized') return void response.end(Buffer.alloc(OVERSIZED, 0x20));
    if (lies.body === 'endless') {
      pour(response);
      return;
    }
    if (lies.body === 'stuck') return void response.write(bytes.subarray(0, 1));
    if (lies.body === 'short') {
      response.setHeader('content-length', bytes.length + 10);
      response.write(bytes, () => response.destroy());
      return;
    }
    response.setHeader('content-length', bytes.length);
    response.end(bytes);
  }

  function serveBlob(request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      fail(response, 404, 'BLOB_UNKNOWN');
      return;
    }
    if (lies.blobRedirect !== undefined && !request.url?.includes('direct')) {
      redirect(response, lies.blobRedirect.replace('{path}', request.url ?? ''));
      return;
    }
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('accept-ranges', 'bytes');
    response.setHeader('set-cookie', 'tracking=1');
    if (lies.gzip === true) response.setHeader('content-encoding', 'gzip');
    if (lies.blobStatus !== undefined) response.writeHead(lies.blobStatus).end(bytes);
    else sendRange(request, response, bytes);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = urlOf(server);
  const registry: FakeRegistry = {
    host: new URL(url).host,
    url,
    content,
    lies,
    requests,
    count: (method, path) =>
      requests.filter((request) => request.method === method && request.path.includes(path)).length,
    async putImage(image) {
      const before = requests.length;
      const pushed = await pushImage({ registryUrl: url, ...image });
      requests.splice(before);
      return pushed;
    },
    revokeTokens: () => tokens.clear(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    [Symbol.asyncDispose]: () => registry.close(),
  };
  return registry;
}

/** The push half of the distribution API. */
function receive({ request, response, url, body }: Exchange, content: RegistryContent): void {
  const [, uploadRepository, upload] = UPLOAD.exec(url.pathname) ?? [];
  if (uploadRepository !== undefined && upload !== undefined) {
    if (request.method === 'POST') {
      response.setHeader('location', `/v2/${uploadRepository}/blobs/uploads/${content.openUpload()}`);
      return void response.writeHead(202).end();
    }
    if (!content.isOpen(upload)) {
      fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
      return;
    }
    content.closeUpload(upload);
    const digest = url.searchParams.get('digest') ?? '';
    if (!content.putBlob(uploadRepository, digest, body)) {
      fail(response, 400, 'DIGEST_INVALID');
      return;
    }
    response.setHeader('location', `/v2/${uploadRepository}/blobs/${digest}`);
    return void response.writeHead(201).end();
  }
  const [, repository = '', reference = ''] = MANIFEST.exec(url.pathname) ?? [];
  const mediaType = request.headers['content-type'] ?? '';
  const stored = content.putManifest(repository, reference, mediaType, body);
  if (stored === undefined) {
    fail(response, 400, 'DIGEST_INVALID');
    return;
  }
  response.setHeader('docker-content-digest', stored.digest);
  response.writeHead(201).end();
}

function sendRange(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const from = Number(first ?? 0);
  const to = last === undefined || last === '' ? bytes.length - 1 : Math.min(Number(last), bytes.length - 1);
  if (from >= bytes.length) {
    response.setHeader('content-range', `bytes */${bytes.length}`);
    fail(response, 416, 'RANGE_INVALID');
    return;
  }
  const part = bytes.subarray(from, to + 1);
  if (first !== undefined) response.setHeader('content-range', `bytes ${from}-${to}/${bytes.length}`);
  response.setHeader('content-length', part.length);
  response.writeHead(first === undefined ? 200 : 206).end(request.method === 'HEAD' ? undefined : part);
}

function pour(response: ServerResponse): void {
  const block = Buffer.alloc(64 * 1024, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(block));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}

function redirect(response: ServerResponse, location: string): void {
  response.setHeader('location', location);
  response.writeHead(307).end();
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.setHeader('content-type', 'application/json');
  response.writeHead(status).end(JSON.stringify({ errors: [{ code, message: code }] }));
}

function basic({ name, password }: { name: string; password: string }): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return `http://127.0.0.1:${address.port}`;
}

/** The digest that an image will have, without pushing it. */
export function digestOfImage(options: ImageOptions): string {
  return makeImageContent(options).index.digest;
}

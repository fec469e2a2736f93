import { createHash } from 'node:crypto';
import {
  createServer,
  request,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import { runProcess } from '../../support/start-process.ts';
import { goTool } from '../stack/install.ts';

export interface Door extends Disposable {
  readonly host: string;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const REPOSITORY = 'conformance/one';

/** Serves on loopback until it is disposed. */
export async function openDoor(listener: RequestListener): Promise<Door> {
  const server = createServer(listener);
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

/** What a suite that pushes and pulls talks to: pulls go to one server, everything else to another. */
export function splitting(pulls: (path: string) => URL, pushes: (path: string) => URL): RequestListener {
  return (incoming, response) => {
    const { method, url = '' } = incoming;
    const isPull = (method === 'GET' || method === 'HEAD') && !url.includes('/blobs/uploads/');
    forward(incoming, response, (isPull ? pulls : pushes)(url));
  };
}

/** A real registry, with the referrers API that it lacks made of the manifests that are pushed to it. */
export function withReferrers(registry: string): RequestListener {
  const bySubject = new Map<string, object[]>();
  async function take(incoming: IncomingMessage, response: ServerResponse, to: URL): Promise<void> {
    const bytes = await buffer(incoming);
    const digest = note(bytes, bySubject);
    if (digest !== undefined) response.setHeader('OCI-Subject', digest);
    forward(incoming, response, to, bytes);
  }
  return (incoming, response) => {
    const { method, url = '' } = incoming;
    const asked = new URL(url, `http://${registry}`);
    const subject = /\/referrers\/([^/]+)$/.exec(asked.pathname)?.[1];
    if (subject !== undefined) sendReferrers(bySubject.get(subject) ?? [], asked, response);
    else if (method !== 'PUT' || !url.includes('/manifests/')) forward(incoming, response, asked);
    else take(incoming, response, asked).catch(() => response.destroy());
  };
}

interface Pushed {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string };
  readonly annotations?: object;
  readonly subject?: { readonly digest: string };
}

function note(bytes: Buffer, bySubject: Map<string, object[]>): string | undefined {
  const { mediaType, artifactType, config, annotations, subject } = JSON.parse(bytes.toString()) as Pushed;
  if (subject === undefined) return undefined;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const type = artifactType ?? config?.mediaType;
  const descriptor = { mediaType, digest, size: bytes.length, artifactType: type, annotations };
  bySubject.set(subject.digest, [...(bySubject.get(subject.digest) ?? []), descriptor]);
  return subject.digest;
}

function sendReferrers(all: readonly object[], asked: URL, response: ServerResponse): void {
  const type = asked.searchParams.get('artifactType');
  const manifests =
    type === null ? all : all.filter((each) => 'artifactType' in each && each.artifactType === type);
  response.writeHead(200, {
    'content-type': INDEX,
    ...(type !== null && { 'OCI-Filters-Applied': 'artifactType' }),
  });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
}

function forward(incoming: IncomingMessage, response: ServerResponse, to: URL, body?: Buffer): void {
  const { method, headers } = incoming;
  const outgoing = request(to, { method, headers: { ...headers, host: to.host } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  if (body === undefined) incoming.pipe(outgoing);
  else outgoing.end(body);
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** What the suite was told to leave out, or could not ask. */
  readonly skipped: number;
}

export interface ConformanceResults {
  /** Name of a specification -> how often it passed, failed and was skipped; the suite runs some with several contents. */
  readonly specs: ReadonlyMap<string, Counts>;
  /** The whole text, for whoever reads a failure. */
  readonly text: string;
}

/** The conformance suite of the OCI distribution specification 1.1 against a registry, without deletions. */
export async function runConformance(
  registry: string,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ConformanceResults> {
  const { stdout, stderr } = await runProcess(goTool('conformance'), [], {
    cwd: folder,
    env: {
      OCI_REGISTRY: registry,
      OCI_TLS: 'disabled',
      OCI_REPO1: REPOSITORY,
      OCI_REPO2: 'conformance/two',
      OCI_VERSION: '1.1',
      OCI_RESULTS_DIR: folder,
      OCI_API_BLOBS_DELETE: 'false',
      OCI_API_MANIFESTS_DELETE: 'false',
      OCI_API_TAGS_DELETE: 'false',
      OCI_API_BLOBS_DIGEST_HEADER: 'true',
      OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
      ...env,
    },
    timeoutMs: 300_000,
  });
  // from the text: the suite writes its reports after it, and fails at that where it only reads
  const specs = new Map<string, Counts>();
  for (const [, name = '', status = ''] of stdout.matchAll(/^ *OCI Conformance Test\/(.+): (\w+)$/gm)) {
    const { passed, failed, skipped } = specs.get(name) ?? { passed: 0, failed: 0, skipped: 0 };
    const isSkipped = status === 'Skip' || status === 'Disabled';
    specs.set(name, {
      passed: passed + Number(status === 'Pass'),
      failed: failed + Number(status !== 'Pass' && !isSkipped),
      skipped: skipped + Number(isSkipped),
    });
  }
  return { specs, text: stdout + stderr };
}

/** Over all specifications; those that hold others are counted, too. */
export function totalOf({ specs }: ConformanceResults): Counts {
  const sum = (of: keyof Counts) => [...specs.values()].reduce((soFar, each) => soFar + each[of], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

interface PushedManifest {
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
}

/** What a run of the suite has left in a registry, in the words in which a run that only reads is told of it. */
export async function leftContent(registry: string): Promise<Readonly<Record<string, string>>> {
  const base = `http://${registry}/v2/${REPOSITORY}`;
  const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { readonly tags: readonly string[] };
  const manifests = new Set<string>();
  const [blobs, subjects] = [new Set<string>(), new Set<string>()];
  async function visit(reference: string): Promise<void> {
    const answer = await fetch(`${base}/manifests/${reference}`, {
      headers: { accept: `${INDEX},${MANIFEST}` },
    });
    const digest = answer.headers.get('docker-content-digest') ?? '';
    const manifest = (await answer.json()) as PushedManifest;
    if (answer.status !== 200 || manifests.has(digest)) return;
    manifests.add(digest);
    if (manifest.subject !== undefined) subjects.add(manifest.subject.digest);
    for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
      if (blob !== undefined && (await isThere(`${base}/blobs/${blob.digest}`))) blobs.add(blob.digest);
    }
    for (const child of manifest.manifests ?? []) await visit(child.digest);
  }
  for (const tag of tags) await visit(tag);
  return {
    OCI_API_PUSH: 'false',
    // the suite asks for the digest's header, and does not look where it was not told the manifest's bytes
    OCI_API_MANIFESTS_DIGEST_HEADER: 'false',
    OCI_RO_DATA_TAGS: tags.join(' '),
    OCI_RO_DATA_MANIFESTS: [...manifests].join(' '),
    OCI_RO_DATA_BLOBS: [...blobs].join(' '),
    OCI_RO_DATA_REFERRERS: [...subjects].join(' '),
  };
}

async function isThere(url: string): Promise<boolean> {
  return (await fetch(url, { method: 'HEAD' })).status === 200;
}

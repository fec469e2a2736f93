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

export interface ConformanceResults {
  /** Name of a specification -> how often it passed and failed; the suite runs some with several contents. */
  readonly specs: ReadonlyMap<string, { readonly passed: number; readonly failed: number }>;
  /** The whole text, for whoever reads a failure. */
  readonly text: string;
}

/** The conformance suite of the OCI distribution specification 1.1 against a registry, without deletions. */
export async function runConformance(registry: string, folder: string): Promise<ConformanceResults> {
  const { stdout, stderr } = await runProcess(goTool('conformance'), [], {
    cwd: folder,
    env: {
      OCI_REGISTRY: registry,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'conformance/one',
      OCI_REPO2: 'conformance/two',
      OCI_VERSION: '1.1',
      OCI_RESULTS_DIR: folder,
      OCI_API_BLOBS_DELETE: 'false',
      OCI_API_MANIFESTS_DELETE: 'false',
      OCI_API_TAGS_DELETE: 'false',
      OCI_API_BLOBS_DIGEST_HEADER: 'true',
      OCI_API_MANIFESTS_DIGEST_HEADER: 'true',
    },
    timeoutMs: 300_000,
  });
  const specs = new Map<string, { passed: number; failed: number }>();
  for (const [, name = '', status] of stdout.matchAll(
    /^ *OCI Conformance Test\/(.+): (Pass|FAIL|Error)$/gm,
  )) {
    const soFar = specs.get(name) ?? { passed: 0, failed: 0 };
    if (status === 'Pass') soFar.passed += 1;
    else soFar.failed += 1;
    specs.set(name, soFar);
  }
  return { specs, text: stdout + stderr };
}

import { connectToCluster } from '../../src/kube/connect.ts';
import type { KubeConnection } from '../../src/kube/connection.ts';
import type { KnownImage } from './known-images.ts';
import { podReviewBody } from './pod-review.ts';

export interface PodLoad {
  readonly created: number;
  readonly perSecond: number;
  /** Milliseconds, sorted. */
  readonly latencies: Float64Array;
  /** Answers other than 201, and Pods that are not pinned although they should be. */
  readonly wrong: number;
  readonly firstFault: string | undefined;
}

export interface PodRun {
  readonly clients: number;
  readonly ms: number;
  /** Whether each image must be the recorded digest. */
  readonly isPinned: boolean;
}

export interface PodClient extends AsyncDisposable {
  /** One Pod for every three images; again, while the answer is 429. */
  createAll(namespace: string, clients: number): Promise<void>;
  create(namespace: string, run: PodRun): Promise<PodLoad>;
  /** Deletes all Pods of the namespace. */
  clear(namespace: string): Promise<void>;
}

const IMAGES_OF_A_POD = 3;

interface PodCase {
  readonly body: string;
  readonly images: readonly KnownImage[];
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Creates Pods as a controller would, by the administrator's kubeconfig. */
export async function openPodClient(kubeconfig: string, images: readonly KnownImage[]): Promise<PodClient> {
  const connection = connectToCluster(
    { by: 'kubeconfig', files: [kubeconfig] },
    { monotonicMs: () => performance.now() },
  );
  const cases = casesOf(images);

  async function post(namespace: string, body: string): Promise<Answer> {
    return call(connection, { method: 'POST', path: podsIn(namespace), body });
  }

  async function createAll(namespace: string, clients: number): Promise<void> {
    const queue = cases.values();
    await all(clients, async () => {
      for (const { body } of queue) {
        let answer = await post(namespace, body);
        while (answer.status === 429) answer = await post(namespace, body);
        if (answer.status !== 201) throw new Error(`creating a Pod: ${faultOf(answer)}`);
      }
    });
  }

  async function create(namespace: string, { clients, ms, isPinned }: PodRun): Promise<PodLoad> {
    const latencies: number[] = [];
    let [at, wrong] = [0, 0];
    let firstFault: string | undefined;
    const started = performance.now();
    const until = started + ms;
    await all(clients, async () => {
      while (performance.now() < until) {
        const one = cases[at++ % cases.length];
        if (one === undefined) throw new Error('there is no image');
        const before = performance.now();
        const answer = await post(namespace, one.body);
        latencies.push(performance.now() - before);
        if (answer.status === 201 && (!isPinned || isPinnedTo(answer.text, one.images))) continue;
        wrong += 1;
        firstFault ??= faultOf(answer);
      }
    });
    const seconds = (performance.now() - started) / 1000;
    const created = latencies.length - wrong;
    return {
      created,
      perSecond: created / seconds,
      latencies: Float64Array.from(latencies).sort(),
      wrong,
      firstFault,
    };
  }

  async function clear(namespace: string): Promise<void> {
    const answer = await call(connection, {
      method: 'DELETE',
      path: `${podsIn(namespace)}?gracePeriodSeconds=0`,
    });
    if (answer.status !== 200) throw new Error(`deleting Pods: ${faultOf(answer)}`);
  }

  return { createAll, create, clear, [Symbol.asyncDispose]: () => connection.close() };
}

const podsIn = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

/** The Pods of the reviews, as a client sends them. */
function casesOf(images: readonly KnownImage[]): readonly PodCase[] {
  const count = Math.ceil(images.length / IMAGES_OF_A_POD);
  return Array.from({ length: count }, (_, i) => {
    const some = images.slice(i * IMAGES_OF_A_POD, (i + 1) * IMAGES_OF_A_POD);
    const { request } = JSON.parse(podReviewBody(i, some).toString()) as {
      request: { object: { metadata: { labels: object; annotations: object }; spec: object } };
    };
    const { labels, annotations } = request.object.metadata;
    const metadata = { generateName: `checkout-${i}-`, labels, annotations };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: withoutPriority(request.object.spec) };
    return { body: JSON.stringify(pod), images: some };
  });
}

/** The API server's own plugin sets it, and takes no other. */
function withoutPriority(spec: object): object {
  return { ...spec, priority: undefined, preemptionPolicy: undefined };
}

function isPinnedTo(text: string, images: readonly KnownImage[]): boolean {
  const { spec } = JSON.parse(text) as { spec: { containers: readonly { image: string }[] } };
  const wanted = images.map(({ text: image, digest }) => `${image}@${digest}`);
  return spec.containers.every(({ image }, i) => image === wanted[i]);
}

function faultOf({ status, text }: Answer): string {
  return `${status} ${text.slice(0, 1000)}`;
}

async function all(clients: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, work));
}

async function call(
  connection: KubeConnection,
  {
    method,
    path,
    body,
  }: { readonly method: 'POST' | 'DELETE'; readonly path: string; readonly body?: string },
): Promise<Answer> {
  const { dispatcher, headers } = await connection.access();
  const answer = await dispatcher.request({
    origin: connection.server,
    path,
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    ...(body !== undefined && { body }),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

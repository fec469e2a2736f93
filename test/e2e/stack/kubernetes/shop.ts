import type { Finished } from '../../../support/start-process.ts';
import { until } from '../until.ts';
import { succeed } from './clients.ts';
import type { StartedCluster } from './cluster.ts';
import { pushMarked } from './images.ts';

const PATIENCE_MS = 90_000;

/** One container of a Pod that waits for nothing when it is stopped. */
export interface PodShape {
  readonly labels?: Readonly<Record<string, string>>;
  /** Further fields of the container. */
  readonly container?: object;
  /** Further fields of the spec. */
  readonly spec?: object;
}

/** A namespace that Pods are put into. */
export interface Shop {
  readonly name: string;
  apply(object: object, ...flags: readonly string[]): Promise<Finished>;
  /** kubectl in the namespace. */
  kubectl(...args: readonly string[]): Promise<Finished>;
  /** The same with `-o json`, read. */
  read<Seen>(...args: readonly string[]): Promise<Seen>;
  /** `<registry>/<namespace>/<name>:1`. */
  tag(name: string): string;
  /** Waits until the webhook refuses the tag: look-ups are shared for ten seconds. */
  untilRefused(tag: string, text?: string): Promise<string>;
  /** Pushes the tag and gives its digest. */
  push(tag: string, text: string): Promise<string>;
  ready(pod: string): Promise<string>;
}

/** Makes the namespace with this mode (none: Tagseal is not asked), and waits until Pods can be made there. */
export async function openShop(cluster: StartedCluster, name: string, mode?: string): Promise<Shop> {
  await succeed(cluster.kubectl(['create', 'namespace', name]));
  if (mode !== undefined) {
    await succeed(cluster.kubectl(['label', 'namespace', name, `tagseal.dev/mode=${mode}`]));
  }
  const kubectl = (...args: readonly string[]) => cluster.kubectl(['-n', name, ...args]);
  const apply = (object: object, ...flags: readonly string[]) =>
    cluster.kubectl(['apply', '-n', name, '-f', '-', ...flags], { input: JSON.stringify(object) });
  const probe = (image: string) => apply(pod('probe', image), '--dry-run=server');
  // a Pod that is Ready is behind its Service once kube-proxy has heard of it
  await until(
    () => probe(cluster.busybox),
    ({ code }) => code === 0,
    PATIENCE_MS,
  );
  return {
    name,
    apply,
    kubectl,
    read: async <Seen>(...args: readonly string[]) =>
      JSON.parse(await succeed(kubectl(...args, '-o', 'json'))) as Seen,
    tag: (repository) => `${cluster.registry.host}/${name}/${repository}:1`,
    async untilRefused(tag, text = 'tag moved') {
      const { stderr } = await until(
        () => probe(tag),
        (seen) => seen.stderr.includes(text),
        PATIENCE_MS,
      );
      return stderr;
    },
    push: (tag, text) => pushMarked(cluster, tag, text),
    ready: (name) => succeed(kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s')),
  };
}

export function pod(name: string, image: string, shape: PodShape = {}): object {
  const { labels = {}, container = {}, spec = {} } = shape;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image, ...container }],
      ...spec,
    },
  };
}

export function deployment(name: string, image: string): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }] },
      },
    },
  };
}

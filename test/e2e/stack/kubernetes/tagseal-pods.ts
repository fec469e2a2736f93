import { until } from '../until.ts';
import { succeed } from './clients.ts';
import type { StartedCluster } from './cluster.ts';
import { NAMESPACE } from './tagseal-release.ts';

const PATIENCE_MS = 150_000;
const ROLES = ['webhook', 'controller', 'proxy'] as const;

export type Role = (typeof ROLES)[number];

export interface TagsealPod {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly restarts: number;
  readonly isReady: boolean;
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly status: {
      readonly podIP?: string;
      readonly containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[];
    };
  }[];
}

/** Those that end, too. */
export async function tagsealPods(cluster: StartedCluster, role: Role): Promise<readonly TagsealPod[]> {
  const selector = `app.kubernetes.io/component=${role}`;
  const json = await succeed(cluster.kubectl(['get', 'pods', '-n', NAMESPACE, '-l', selector, '-o', 'json']));
  return (JSON.parse(json) as PodList).items.map(({ metadata, status }) => ({
    ...metadata,
    address: status.podIP ?? '',
    restarts: status.containerStatuses?.[0]?.restartCount ?? 0,
    isReady: status.containerStatuses?.[0]?.ready ?? false,
  }));
}

/** SIGKILL to the program in the Pod. Resolves once the kubelet has started it again and it is Ready. */
export async function killTagseal(cluster: StartedCluster, role: Role, pod: TagsealPod): Promise<void> {
  const script = `for p in /proc/[0-9]*; do
    grep -q '${pod.uid}' $p/cgroup 2>/dev/null && grep -q tagseal.cjs $p/cmdline && kill -9 \${p#/proc/} && echo killed
  done; true`;
  const { stdout, stderr } = await cluster.inside('sh', ['-c', script]);
  if (!stdout.includes('killed')) throw new Error(`nothing of ${pod.name} was killed: ${stderr}`);
  await until(
    async () => (await tagsealPods(cluster, role)).find(({ name }) => name === pod.name),
    (now) => now !== undefined && now.restarts > pod.restarts && now.isReady,
    PATIENCE_MS,
  );
}

/** Resolves once every Deployment is whole, and no Pod of an older one is left. */
export async function untilAllReady(cluster: StartedCluster, replicas = 2): Promise<void> {
  for (const role of ROLES) {
    await until(
      // the API server itself may be away
      () => tagsealPods(cluster, role).catch((): readonly TagsealPod[] => []),
      (pods) => pods.length === (role === 'webhook' ? replicas : 2) && pods.every(({ isReady }) => isReady),
      PATIENCE_MS,
    );
  }
}

/** Of the last lines of every Pod, for a failed start. */
export async function tagsealStory(cluster: StartedCluster): Promise<string> {
  const place = ['-n', NAMESPACE];
  const logs = ROLES.map((role) => [
    ...['logs', ...place, '-l', `app.kubernetes.io/component=${role}`, '--tail=20'],
  ]);
  const texts = await Promise.all(
    [['get', 'pods', ...place], ['get', 'events', ...place], ...logs].map((args) => cluster.kubectl(args)),
  );
  return texts.map(({ stdout, stderr }) => stdout + stderr).join('\n');
}

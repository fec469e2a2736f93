// The whole story on a real Kubernetes: etcd, API server, controllers, containerd and kubelet in namespaces of their own,
// with a registry and a private Rekor v2. Every command is run as it is printed, by the real client.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { startCluster, type StartedCluster } from '../test/e2e/stack/kubernetes/cluster.ts';
import { pushMarked } from '../test/e2e/stack/kubernetes/images.ts';
import { buildTagsealImage } from '../test/e2e/stack/kubernetes/tagseal-image.ts';
import { NAMESPACE, valuesFile } from '../test/e2e/stack/kubernetes/tagseal-release.ts';
import { until } from '../test/e2e/stack/until.ts';
import type { Finished } from '../test/support/start-process.ts';

const CHART = 'charts/tagseal';
const PATIENCE_MS = 120_000;
const INSTALL_PATIENCE_MS = 300_000;
const SHOWN_LINES = 16;

const say = (text = '') => console.log(text);
const step = (text: string) => say(`\n${styleText('bold', text)}`);
const typed = (text: string) => say(styleText('cyan', `$ ${text}`));

function show(text: string): void {
  const lines = text.trimEnd().split('\n');
  for (const line of lines.slice(0, SHOWN_LINES)) say(`  ${line}`);
  if (lines.length > SHOWN_LINES) say(`  ... ${lines.length - SHOWN_LINES} lines more`);
}

/** The story must come out as told. */
function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`the demo did not go as told: ${what}`);
}

/** Runs kubectl as printed and shows what it says. */
function shell({ kubectl }: StartedCluster) {
  return async function run(args: string, input?: string): Promise<Finished> {
    if (input !== undefined) say(input.trim().replaceAll(/^/gm, '  '));
    typed(`kubectl ${args}`);
    const finished = await kubectl(args.split(' '), input === undefined ? {} : { input });
    show(`${finished.stdout}${finished.stderr}`);
    return finished;
  };
}

const podYaml = (name: string, image: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { containers: [{ name: app, image: "${image}" }] }
`;

const deploymentYaml = (image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  selector: { matchLabels: { app: api } }
  template:
    metadata: { labels: { app: api } }
    spec: { containers: [{ name: app, image: "${image}" }] }
`;

const approvalYaml = (image: string, digest: string) => `
apiVersion: tagseal.dev/v1alpha1
kind: TagApproval
metadata: { name: api-rebuilt }
spec:
  reference: "${image}"
  toDigest: ${digest}
  reason: rebuilt with the fixed base image
`;

async function install(cluster: StartedCluster): Promise<void> {
  const values = await valuesFile(cluster, await buildTagsealImage(cluster));
  const args = `install tagseal ${CHART} --namespace ${NAMESPACE} --create-namespace --wait --values ${values}`;
  typed(`helm ${args}`);
  const { code, stdout, stderr } = await cluster.helm4(args.split(' '), { timeoutMs: INSTALL_PATIENCE_MS });
  show(stdout + stderr);
  expect('helm installs the chart', code === 0);
}

async function main(cluster: StartedCluster): Promise<void> {
  const { kubectl } = cluster;
  const run = shell(cluster);
  const image = `${cluster.registry.host}/shop/api:1.4.2`;

  step('1. The chart is installed with helm, and a namespace opts in');
  await install(cluster);
  await run(`get pods -n ${NAMESPACE}`);
  await run('create namespace shop');
  await run('label namespace shop tagseal.dev/mode=enforce');

  step('2. A Pod is pinned to the digest that its tag has, and runs');
  const first = await pushMarked(cluster, image, 'the version that was tested');
  // kube-proxy hears of a Service's Pods a moment after they are Ready
  const probe = ['apply', '--dry-run=server', '-f', '-'];
  const tryPod = () => kubectl(probe, { input: podYaml('api', image) });
  await until(tryPod, ({ code }) => code === 0, PATIENCE_MS);
  await run('apply -f -', podYaml('api', image));
  await run('wait -n shop pod/api --for=condition=Ready --timeout=120s');
  const pod = await run('get pod -n shop api -o jsonpath={.spec.containers[0].image}');
  expect('the Pod is pinned', pod.stdout === `${image}@${first}`);
  await run('get tagrecords');

  step('3. Somebody moves the tag');
  typed(`crane append --base ... --new_tag ${image}`);
  const second = await pushMarked(cluster, image, 'something else under the same name');
  show(`1.4.2 points to ${second} now`);
  say('  (equal look-ups are shared for 10 seconds)');
  const tryAnother = () => kubectl(probe, { input: podYaml('another', image) });
  await until(tryAnother, ({ stderr }) => stderr.includes('tag moved'), PATIENCE_MS);

  step('4. A Pod of it is refused');
  const refused = await run('apply -f -', podYaml('another', image));
  expect('the Pod is refused', refused.code !== 0 && refused.stderr.includes(first));

  step('5. A Deployment is taken with a warning, and its ReplicaSet says why there are no Pods');
  const warned = await run('apply -f -', deploymentYaml(image));
  expect('the Deployment is warned of', warned.code === 0 && warned.stderr.includes('Warning'));
  const events = 'get events -n shop --field-selector reason=FailedCreate -o jsonpath={.items[0].message}';
  await until(
    () => kubectl(events.split(' ')),
    ({ stdout }) => stdout.includes('moved'),
    PATIENCE_MS,
  );
  await run(events);

  step('6. The move is approved, in the log and by name; the rollout goes on');
  await run('create -f -', approvalYaml(image, second));
  const accepted = ['wait', 'tagapproval/api-rebuilt', '--for=jsonpath={.status.phase}=Accepted'];
  expect('the approval is accepted', (await kubectl([...accepted, '--timeout=120s'])).code === 0);
  await run('get tagapprovals');
  // a ReplicaSet that was refused waits ever longer before it tries again
  await run('rollout restart -n shop deployment/api');
  const rolled = await run('rollout status -n shop deployment/api --timeout=120s');
  expect('the rollout goes on', rolled.code === 0);
  const records = await run('get tagrecords');
  expect('there are two generations', records.stdout.trim().split('\n').length === 3);

  step('7. Uninstalling leaves nothing in the way');
  typed(`helm uninstall tagseal --namespace ${NAMESPACE} --wait`);
  const args = ['uninstall', 'tagseal', '--namespace', NAMESPACE, '--wait'];
  const { code, stdout, stderr } = await cluster.helm4(args, { timeoutMs: INSTALL_PATIENCE_MS });
  show(stdout + stderr);
  expect('helm uninstalls', code === 0);
  const left = await run('get mutatingwebhookconfigurations,validatingwebhookconfigurations');
  expect('no webhook is left', !left.stdout.includes('tagseal'));
  const free = await run('apply -f -', podYaml('another', image));
  expect('Pods are as free as before', free.code === 0);
  await run('get tagrecords');
  say('\n  The records stay until the CRDs are deleted: they are what the tags mean.');
}

function requireRoot(): void {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (!isRoot) throw new Error('demo:cluster starts a real kubelet: run it on Linux as root');
}

const folder = await mkdtemp(join(tmpdir(), 'tagseal-demo-cluster-'));
let cluster: StartedCluster | undefined;

async function cleanUp(): Promise<void> {
  const stopping = cluster;
  cluster = undefined;
  await stopping?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.error('\nstopping the cluster ...');
    void cleanUp().finally(() => process.exit(130));
  });
}

try {
  requireRoot();
  cluster = await startCluster({ folder, rekor: true, say });
  await main(cluster);
} catch (error) {
  console.error(styleText('red', error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
} finally {
  await cleanUp();
}

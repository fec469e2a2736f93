import { mkdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { pushImage } from '../../support/push-image.ts';
import { PROGRAM, startServe, tagseal, type Served } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { goTool } from '../stack/install.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { startControlPlane, type StartedControlPlane } from '../stack/kubernetes/control-plane.ts';
import { installCrds } from '../stack/kubernetes/crds.ts';
import { startRegistry, type StartedRegistry } from '../stack/start.ts';

export const NAMESPACE = 'tagseal-system';
const MANIFEST = fileURLToPath(new URL('../../../manifests/install.yaml', import.meta.url));

/** A real API server with Tagseal's controller beside it, and a real kubectl that finds the plugin on its PATH. */
export interface PluginStage extends AsyncDisposable {
  readonly plane: StartedControlPlane;
  readonly registry: StartedRegistry;
  readonly served: Served;
  /** Kubeconfig of who may look (`tagseal-viewer`), who may accept (`tagseal-approver`), and who may nothing. */
  readonly users: { readonly viewer: string; readonly approver: string; readonly stranger: string };
  /** `kubectl tagseal ...` as one of them. */
  plugin(kubeconfig: string, ...args: readonly string[]): Promise<Finished>;
  /** Pushes other bytes to the tag, and gives its reference and digest. */
  push(name: string, text: string): Promise<{ readonly image: string; readonly digest: string }>;
  /** The same, and records it in the cluster. */
  record(name: string, text: string): Promise<{ readonly image: string; readonly digest: string }>;
}

export async function startPluginStage(folder: string): Promise<PluginStage> {
  await using starting = new AsyncDisposableStack();
  const plane = starting.use(await startControlPlane({ folder: join(folder) }));
  await installCrds(plane);
  await succeed(plane.kubectl(['create', 'namespace', NAMESPACE]));
  const registry = starting.use(await startRegistry(join(folder, 'registry')));
  const config = [
    'store: {kind: kubernetes}',
    `kubernetes: ${JSON.stringify({ namespace: NAMESPACE, kubeconfigFile: plane.kubeconfig })}`,
    'controller: {enabled: true, scan: false}',
  ];
  const served = starting.use(await startServe({ folder, registries: [registry.host], config }));
  await stampApprovals(plane, served);
  const users = await makeUsers(plane);
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await symlink(PROGRAM, join(bin, 'kubectl-tagseal'));
  const path = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
  const push: PluginStage['push'] = async (name, text) => {
    const repository = `shop/${name}`;
    const { digest } = await pushImage({
      registryUrl: `http://${registry.host}`,
      repository,
      tag: '1',
      text,
    });
    return { image: `${registry.host}/${repository}:1`, digest };
  };
  const started = starting.move();
  return {
    plane,
    registry,
    served,
    users,
    plugin: (kubeconfig, ...args) =>
      runProcess(goTool('kubectl'), ['tagseal', ...args], {
        env: { PATH: path, HOME: folder, KUBECONFIG: kubeconfig, NO_COLOR: '1' },
      }),
    push,
    async record(name, text) {
      const pushed = await push(name, text);
      await succeed(tagseal(folder, 'record', pushed.image));
      return pushed;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** The chart's webhook for TagApprovals, at the address of the process. */
async function stampApprovals({ kubectl }: StartedControlPlane, { webhook, ca }: Served): Promise<void> {
  const clientConfig = { url: `${webhook}/stamp`, caBundle: Buffer.from(ca).toString('base64') };
  const rule = { apiGroups: ['tagseal.dev'], apiVersions: ['v1alpha1'], operations: ['CREATE'] };
  const input = JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'tagseal' },
    webhooks: [
      {
        name: 'approvals.tagseal.dev',
        clientConfig,
        rules: [{ ...rule, resources: ['tagapprovals'], scope: 'Cluster' }],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  await succeed(kubectl(['apply', '-f', '-'], { input }));
}

/** By the chart's roles; no controller aggregates `view` here. */
async function makeUsers(plane: StartedControlPlane): Promise<PluginStage['users']> {
  const documents = parseAllDocuments(await readFile(MANIFEST, 'utf8'));
  const objects = documents.map(
    (document) => document.toJS() as { kind?: string; metadata?: { name: string } },
  );
  const roles = objects.filter(
    ({ kind, metadata }) =>
      kind === 'ClusterRole' && /^tagseal-(?:viewer|approver)$/.test(metadata?.name ?? ''),
  );
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: roles });
  await succeed(plane.kubectl(['apply', '-f', '-'], { input }));
  const bind = (user: string, role: string) =>
    succeed(
      plane.kubectl([
        'create',
        'clusterrolebinding',
        `${user}-${role}`,
        `--clusterrole=${role}`,
        `--user=${user}`,
      ]),
    );
  await bind('jane', 'tagseal-viewer');
  await bind('rita', 'tagseal-approver');
  const pods = ['create', 'clusterrole', 'pods', '--verb=get,list', '--resource=pods,namespaces'];
  await succeed(plane.kubectl(pods));
  await bind('jane', 'pods');
  return {
    viewer: await plane.kubeconfigFor('jane'),
    approver: await plane.kubeconfigFor('rita'),
    stranger: await plane.kubeconfigFor('sam'),
  };
}

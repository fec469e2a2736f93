import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tagseal } from '../../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { succeed } from '../stack/kubernetes/clients.ts';
import { until } from '../stack/until.ts';
import { NAMESPACE, startPluginStage, type PluginStage } from './plugin.ts';

const PATIENCE_MS = 60_000;

let folder: TempFolder;
let stage: PluginStage;
beforeAll(async () => {
  folder = await makeTempFolder();
  stage = await startPluginStage(folder.path);
  // the controller leads, and has published
  await until(
    () => stage.plane.kubectl(['get', 'configmap', 'tagseal-public', '-n', NAMESPACE]),
    ({ code }) => code === 0,
    PATIENCE_MS,
  );
});
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Exit code and what the answer must hold. */
async function outcome(kubeconfig: string, ...args: readonly string[]) {
  const { code, stdout, stderr } = await stage.plugin(kubeconfig, ...args);
  return { code, stdout, stderr };
}

describe('kubectl tagseal, as who may look', () => {
  it('verifies the records of private names without any key', async () => {
    const { image, digest } = await stage.record('known', 'a');
    const { viewer } = stage.users;
    expect(await outcome(viewer, 'check', image)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('ok'),
    });
    const explained = await outcome(viewer, 'explain', image);
    expect(explained).toMatchObject({ code: 0, stdout: expect.stringContaining(digest) });
    const verified = await outcome(viewer, 'verify', image, '-o', 'json');
    expect(JSON.parse(verified.stdout)).toMatchObject([{ image, verified: true, logged: true }]);
    const history = await outcome(viewer, 'history', image, '-o', 'json');
    expect(JSON.parse(history.stdout)).toMatchObject({
      generations: [{ generation: 0, digest, privacy: 'blinded' }],
    });
  });

  it('does not call a tag new that it cannot ask the log about', async () => {
    const { image } = await stage.push('unheard', 'a');
    const { code, stderr } = await outcome(stage.users.viewer, 'check', image);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('--dry-run=server') });
  });

  it('judges by the mode of the namespace that is named', async () => {
    await succeed(stage.plane.kubectl(['create', 'namespace', 'loose']));
    await succeed(stage.plane.kubectl(['label', 'namespace', 'loose', 'tagseal.dev/mode=off']));
    const { image } = await stage.record('loose', 'a');
    await stage.push('loose', 'b');
    const { viewer } = stage.users;
    expect(await outcome(viewer, 'check', image)).toMatchObject({ code: 1 });
    expect(await outcome(viewer, 'check', image, '-n', 'loose')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('exempt'),
    });
  });

  it('may accept nothing, and is told which right is missing', async () => {
    const { image } = await stage.record('mine', 'a');
    const { digest } = await stage.push('mine', 'b');
    const { code, stderr } = await outcome(
      stage.users.viewer,
      'accept',
      `${image}@${digest}`,
      '--reason',
      'r',
    );
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^tagseal: .*cannot create resource \\?"tagapprovals\\?"[^\n]*\n$/),
    });
  });
});

describe('kubectl tagseal accept', () => {
  it('waits until the controller has made the move a generation, in the name of the caller', async () => {
    const { image, digest: old } = await stage.record('moved', 'a');
    const { digest } = await stage.push('moved', 'b');
    const { approver } = stage.users;
    const accepted = await outcome(
      approver,
      'accept',
      `${image}@${digest}`,
      '--reason',
      'rebuilt',
      '-o',
      'json',
    );
    expect(accepted.code).toBe(0);
    expect(JSON.parse(accepted.stdout)).toMatchObject({
      outcome: 'accepted',
      from: old,
      digest,
      generation: 1,
    });
    const history = JSON.parse((await outcome(approver, 'history', image, '-o', 'json')).stdout) as unknown;
    expect(history).toMatchObject({
      generations: [{ digest: old }, { digest, approval: { by: 'rita', reason: 'rebuilt', from: old } }],
    });
    const again = await outcome(
      approver,
      'accept',
      `${image}@${digest}`,
      '--reason',
      'rebuilt',
      '-o',
      'json',
    );
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'present' });
  });

  it('says why the controller refused', async () => {
    const { image } = await stage.record('still', 'a');
    const wrong = `sha256:${'b'.repeat(64)}`;
    const { code, stderr } = await outcome(
      stage.users.approver,
      'accept',
      `${image}@${wrong}`,
      '--reason',
      'r',
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('the tag points to') });
  });
});

describe('kubectl tagseal scan', () => {
  /** A Pod that a node says it runs as this digest; there is no node here. */
  async function run(name: string, image: string, digest: string): Promise<void> {
    const { kubectl } = stage.plane;
    const spec = { containers: [{ name: 'main', image }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'scanned' }, spec };
    await succeed(kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) }));
    const imageID = `${image.replace(/:1$/, '')}@${digest}`;
    const container = { name: 'main', image, imageID, ready: true, restartCount: 0 };
    const status = { phase: 'Running', containerStatuses: [container] };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await succeed(kubectl(['patch', 'pod', name, '-n', 'scanned', ...patch]));
  }

  it('tells Pods that run something else than is recorded', async () => {
    const { kubectl } = stage.plane;
    const { viewer, approver } = stage.users;
    await succeed(kubectl(['create', 'namespace', 'scanned']));
    const known = await stage.record('scanned', 'a');
    await run('good', known.image, known.digest);
    expect(await outcome(viewer, 'scan', '-n', 'scanned')).toMatchObject({
      code: 0,
      stdout: '1 Pods, 1 images by tag: 1 ok\n',
    });
    const other = `sha256:${'b'.repeat(64)}`;
    await run('other', known.image, other);
    const { image } = await stage.push('unseen', 'a');
    await run('unseen', image, other);
    const found = await outcome(viewer, 'scan', '-n', 'scanned', '-o', 'json');
    expect(found.code).toBe(1);
    expect(JSON.parse(found.stdout)).toMatchObject({
      pods: 3,
      images: [
        { pod: 'good', result: 'ok', running: known.digest },
        { pod: 'other', result: 'mismatch', running: other, record: { digest: known.digest } },
        { pod: 'unseen', result: 'unrecorded' },
      ],
    });
    // the namespace has no mode
    expect(await outcome(viewer, 'scan', '-A')).toMatchObject({ code: 0 });
    await succeed(kubectl(['label', 'namespace', 'scanned', 'tagseal.dev/mode=audit']));
    expect(await outcome(viewer, 'scan', '-A')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('3 Pods'),
    });
    const { code, stderr } = await outcome(approver, 'scan', '-A');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/cannot list resource \\?"namespaces/),
    });
  });

  it('is the same for who has the config', async () => {
    const { code, stdout } = await tagseal(folder.path, 'scan', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ pods: 3, images: [{ result: 'ok' }, {}, {}] });
  });
});

describe('kubectl tagseal', () => {
  const refused = async (kubeconfig: string, ...args: readonly string[]) => {
    const { code, stdout, stderr } = await stage.plugin(kubeconfig, ...args);
    // kubectl adds a line of its own where a plugin fails
    return { code, stdout, stderr: stderr.replace(/^(?:error: )?exit status \d+\n$/m, '') };
  };

  it('tells a stranger which right is missing', async () => {
    expect(await refused(stage.users.stranger, 'history', 'a:1')).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^tagseal: [^\n]*cannot get resource \\?"configmaps\\?"[^\n]*\n$/),
    });
  });

  it.each([
    {
      what: 'a namespace without Tagseal',
      args: ['--tagseal-namespace', 'default'],
      says: '--tagseal-namespace',
    },
    { what: 'a release of another name', args: ['--tagseal-name', 'other'], says: '--tagseal-name' },
    { what: 'a context that is not there', args: ['--context', 'nowhere'], says: 'get-contexts' },
    { what: 'a kubeconfig that is not there', args: ['--kubeconfig', '/nowhere'], says: '--kubeconfig' },
    { what: 'a flag that is none', args: ['--contxt', 'x'], says: '--context' },
  ])('exits 2 with one line for $what', async ({ args, says }) => {
    const { code, stdout, stderr } = await refused(stage.plane.kubeconfig, 'history', 'a:1', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^tagseal: [^\n]+\n$/);
    expect(stderr).toContain(says);
  });

  it('asks which one is meant where there are several', async () => {
    const { kubectl, kubeconfig } = stage.plane;
    await succeed(kubectl(['create', 'namespace', 'second']));
    const copy = ['create', 'configmap', 'seal-public', '-n', 'second', '--from-literal=tagseal.json={}'];
    await succeed(kubectl(copy));
    await succeed(kubectl(['label', 'configmap', 'seal-public', '-n', 'second', 'tagseal.dev/public=true']));
    expect(await refused(kubeconfig, 'history', 'a:1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--tagseal-namespace second --tagseal-name seal'),
    });
    const first = ['--tagseal-namespace', NAMESPACE];
    expect(await refused(kubeconfig, 'history', 'a:1', ...first)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not recorded'),
    });
    expect(await refused(kubeconfig, 'history', 'a:1', '--tagseal-name', 'seal')).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('tagseal.json'),
    });
    await succeed(kubectl(['delete', 'namespace', 'second', '--wait=false']));
    await succeed(kubectl(['delete', 'configmap', 'seal-public', '-n', 'second']));
  });

  it('says what to do instead of recording', async () => {
    expect(await refused(stage.plane.kubeconfig, 'record', 'a:1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('tagseal record with a config'),
    });
  });

  it('exits 3 when the API server cannot be reached', async () => {
    await stage.plane.apiServer.kill();
    const { code, stderr } = await refused(stage.plane.kubeconfig, 'history', 'a:1');
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('refused the connection') });
    await stage.plane.apiServer.start();
  });
});

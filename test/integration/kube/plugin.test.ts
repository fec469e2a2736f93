import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ClusterOptions } from '../../../src/cli/kubectl/ports.ts';
import { publishedTexts } from '../../../src/compose/cluster/published.ts';
import { openCore } from '../../../src/compose/core.ts';
import { openClusterRuntime } from '../../../src/compose/kubectl/open-cluster-runtime.ts';
import { callersCluster, readConfig } from '../../../src/config/read-config.ts';
import { writePublicMap } from '../../../src/kube/public-map.ts';
import { TAG_RECORDS } from '../../../src/kube/resources.ts';
import { systemClock } from '../../../src/observe/clock.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { startFakeCluster } from '../../support/kube-client.ts';
import { silentLogger } from '../../support/ledger-setup.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { tagReference } from '../../support/test-registry.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const PRIVATE = tagReference('registry.example.com/acme/api:1');
const PUBLIC = tagReference('docker.io/library/alpine:3');

/** An installation whose log is embedded, and the plugin on the laptop of somebody who has none of its keys. */
async function startInstallation(scope = 'default') {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await makeTempFolder());
  const laptop = starting.use(await makeTempFolder());
  const cluster = starting.use(await startFakeCluster());
  const kubeconfig = join(laptop.path, 'config');
  await writeFile(kubeconfig, kubeconfigOf(cluster.server.url));
  const place = { folder: folder.path, kubeconfig };
  const core = await openInstallation(place, scope);
  starting.defer(() => core.close());
  const started = starting.move();
  return {
    ...cluster,
    core,
    place,
    record: (reference = PRIVATE) =>
      core.ledger.record({ reference, digest: DIGEST, origin: 'cli', waitFor: 'logged' }, signal),
    /** What the caller of kubectl gets. */
    async plugin(options: ClusterOptions = {}) {
      const sources = { environment: {}, workingDirectory: laptop.path };
      const access = callersCluster({ kubeconfig }, sources);
      const parts = { access, options, home: laptop.path, logger: silentLogger };
      const runtime = await openClusterRuntime(parts, signal);
      return Object.assign(runtime, { [Symbol.asyncDispose]: () => runtime.close() });
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

interface Place {
  readonly folder: string;
  readonly kubeconfig: string;
}

async function openInstallation({ folder, kubeconfig }: Place, scope: string) {
  const config = readConfig({
    environment: {
      TAGSEAL_STORE_KIND: 'kubernetes',
      TAGSEAL_KUBERNETES_KUBECONFIG_FILE: kubeconfig,
      TAGSEAL_KUBERNETES_NAMESPACE: 'seals',
      TAGSEAL_SCOPE: scope,
      TAGSEAL_DATA_DIR: folder,
    },
    workingDirectory: folder,
  });
  const core = await openCore({ config, home: undefined, logger: silentLogger, clock: systemClock });
  if (core.cluster === undefined) throw new Error('no cluster');
  const map = { namespace: 'seals', name: 'tagseal-public', data: publishedTexts(config, core) };
  await writePublicMap(core.cluster.api, map, signal);
  return core;
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  });
}

describe('the plugin of kubectl', () => {
  it.each([PRIVATE, PUBLIC])('verifies the record of $canonical without a key', async (reference) => {
    await using installation = await startInstallation();
    await installation.record(reference);
    await using plugin = await installation.plugin();
    expect(await plugin.findRecord(reference, signal)).toMatchObject({
      logged: true,
      record: { digest: DIGEST, privacy: reference === PRIVATE ? 'blinded' : 'plain' },
    });
    expect(await plugin.generations(reference, signal)).toMatchObject([{ kind: 'verified', logged: true }]);
    const tags = [];
    for await (const tag of plugin.tags(signal)) tags.push(tag);
    expect(tags).toMatchObject([{ kind: 'tag', reference: { canonical: reference.canonical } }]);
  });

  it('finds no record of another scope, tag or repository', async () => {
    await using installation = await startInstallation();
    await installation.record();
    const others = ['registry.example.com/acme/api:2', 'registry.example.com/acme/other:1'].map(tagReference);
    await using plugin = await installation.plugin();
    for (const other of others) expect(await plugin.findRecord(other, signal)).toBeUndefined();
    await installation.core.close();
    await using other = await openInstallation(installation.place, 'other').then((core) => ({
      core,
      [Symbol.asyncDispose]: () => core.close(),
    }));
    expect(other.core.naming.scope).toBe('other');
    await using second = await installation.plugin();
    expect(await second.findRecord(PRIVATE, signal)).toBeUndefined();
  });

  it('refuses a record whose signer the installation does not accept', async () => {
    await using installation = await startInstallation();
    await using stranger = await startInstallation();
    await stranger.record();
    const { items } = await objectsOf(stranger);
    for (const item of items) {
      const { name } = item.metadata;
      await installation.api.create(TAG_RECORDS, { ...item, metadata: { name } }, signal);
    }
    await using plugin = await installation.plugin();
    expect(await codeOf(() => plugin.findRecord(PRIVATE, signal))).toBe('IDENTITY_MISMATCH');
    expect(await plugin.generations(PRIVATE, signal)).toMatchObject([{ kind: 'broken', generation: 0 }]);
    // with a second claim on the same name nobody without the key knows which one counts
    await installation.record();
    expect(await codeOf(() => plugin.findRecord(PRIVATE, signal))).toBe('RECORD_INVALID');
  });

  it.each([
    { what: 'its evidence', patch: { evidence: 'eJw=' } },
    { what: 'its digest', patch: { spec: { digest: `sha256:${'b'.repeat(64)}` } } },
    { what: 'its phase', patch: { status: { phase: 'Reserved' } } },
  ])('refuses a record when somebody has changed $what', async ({ patch }) => {
    await using installation = await startInstallation();
    await installation.record();
    const { items } = await objectsOf(installation);
    await installation.api.mergePatch(TAG_RECORDS, items[0]?.metadata.name ?? '', patch, signal);
    await using plugin = await installation.plugin();
    expect(await codeOf(() => plugin.findRecord(PRIVATE, signal))).toBe('RECORD_INVALID');
    expect(await plugin.generations(PRIVATE, signal)).toMatchObject([{ kind: 'broken' }]);
  });

  it('writes nothing but approvals', async () => {
    await using installation = await startInstallation();
    await installation.record();
    const { seen } = installation.server;
    const before = seen.length;
    await using plugin = await installation.plugin();
    await plugin.findRecord(PRIVATE, signal);
    await plugin.checkImage(PRIVATE.canonical, {
      origin: 'cli',
      mayRecord: true,
      mayResolve: false,
      signal,
    });
    expect(seen.slice(before).filter((line) => !line.startsWith('GET'))).toEqual([]);
  });

  it('makes an approval under a name that tells the tag, and follows it to its end', async () => {
    await using installation = await startInstallation();
    await using plugin = await installation.plugin();
    const answers = plugin.approve({ reference: PRIVATE, digest: DIGEST, reason: 'r' }, signal);
    const resource = { group: 'tagseal.dev', version: 'v1alpha1', plural: 'tagapprovals' };
    const answer = (name: string, status: object) =>
      installation.api.mergePatch(resource, name, { status }, signal, 'status');
    const seen = [];
    for await (const each of answers) {
      seen.push({ ...each, name: each.name.replace(/[0-9a-f]{8}$/, 'ID') });
      const isPending = each.phase === 'Pending';
      await answer(
        each.name,
        isPending
          ? { phase: 'Accepted', generation: 1, message: 'done' }
          : { phase: 'Pending', message: 'wait' },
      );
    }
    expect(seen).toEqual([
      { name: 'api-1-ID' },
      { name: 'api-1-ID', phase: 'Pending', message: 'wait' },
      { name: 'api-1-ID', phase: 'Accepted', generation: 1, message: 'done' },
    ]);
  });

  it('says that an approval was deleted before it was answered', async () => {
    await using installation = await startInstallation();
    await using plugin = await installation.plugin();
    const resource = { group: 'tagseal.dev', version: 'v1alpha1', plural: 'tagapprovals' };
    const follow = async () => {
      for await (const { name } of plugin.approve(
        { reference: PRIVATE, digest: DIGEST, reason: 'r' },
        signal,
      ))
        await installation.api.remove(resource, name, signal);
    };
    expect(await codeOf(follow)).toBe('KUBERNETES_REFUSED');
  });
});

async function objectsOf({ api }: Pick<Awaited<ReturnType<typeof startFakeCluster>>, 'api'>) {
  const page = await api.listPage(TAG_RECORDS, { limit: 0 }, signal);
  if (page === 'expired') throw new Error('expired');
  return page;
}

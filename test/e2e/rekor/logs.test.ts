import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { proxied, startServe, tagseal } from '../../support/serve.ts';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { goTool } from '../stack/install.ts';
import { startRekorV1, type StartedRekorV1 } from '../stack/rekor-v1.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';

interface History {
  readonly generations: readonly { readonly log: unknown }[];
}

let folder: TempFolder;
let registry: FakeRegistry;
let rekor: StartedRekor;
let rekorV1: StartedRekorV1;

beforeAll(async () => {
  folder = await makeTempFolder();
  registry = await startFakeRegistry();
  rekor = await startRekorV2(join(folder.path, 'rekor'));
  rekorV1 = await startRekorV1(join(folder.path, 'rekor-v1'));
});

afterAll(async () => {
  await rekorV1[Symbol.asyncDispose]();
  await rekor[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const push = (repository: string, text: string) =>
  pushImage({ registryUrl: registry.url, repository, tag: '1', text });

function logSettings(kind: string): readonly string[] {
  if (kind === 'embedded') return ['log: {kind: embedded}'];
  if (kind === 'rekor-v1') {
    const { url, origin, publicKeyFile } = rekorV1;
    return [`log: ${JSON.stringify({ kind, url, origin, publicKeyFile })}`];
  }
  const { url, readUrl, origin, publicKeyFile } = rekor;
  return [`log: ${JSON.stringify({ kind: 'rekor-v2', url, readUrl, origin, publicKeyFile })}`];
}

function cosign(evidence: string, statement: string, bundle: string): Promise<Finished> {
  return runProcess(goTool('cosign'), [
    'verify-blob',
    '--key',
    join(evidence, 'tagseal.pub'),
    '--bundle',
    join(evidence, bundle),
    '--trusted-root',
    join(evidence, 'trusted_root.json'),
    join(evidence, statement),
  ]);
}

describe.each(['rekor-v2', 'rekor-v1', 'embedded'])('on a real log of kind %s', (kind) => {
  const repository = `e2e/${kind}`;
  let image: string;
  let data: TempFolder;

  beforeAll(async () => {
    data = await makeTempFolder();
    image = `${registry.host}/${repository}:1`;
    await push(repository, 'first');
  });
  afterAll(async () => {
    await data[Symbol.asyncDispose]();
  });

  const serve = () =>
    startServe({ folder: data.path, registries: [registry.host], config: logSettings(kind) });

  it('records at first sight, knows the tag then, and refuses it once it has moved', async () => {
    await using running = await serve();
    const url = proxied(running.proxy, registry.host, `${repository}/manifests/1`);
    const first = await fetch(url);
    expect({ status: first.status, first: first.headers.get('tlog-first-seen') }).toEqual({
      status: 200,
      first: 'true',
    });
    expect(first.headers.get('tlog-logindex')).toMatch(/^\d+$/);
    // of these logs only v1 vouches for a time
    const time = first.headers.get('tlog-integratedtime');
    if (kind === 'rekor-v1') expect(time).toMatch(/^\d{4}-\d{2}-\d{2}T/);
    else expect(time).toBeNull();
    const known = await fetch(url);
    expect({ status: known.status, first: known.headers.get('tlog-first-seen') }).toEqual({
      status: 200,
      first: null,
    });
    expect(known.headers.get('tlog-logindex')).toBe(first.headers.get('tlog-logindex'));
  });

  it('refuses the moved tag, and still serves the recorded digest', async () => {
    const moved = await push(repository, 'second');
    const check = await tagseal(data.path, 'check', image);
    expect({ code: check.code, text: check.stdout + check.stderr }).toMatchObject({ code: 1 });
    expect(check.stdout + check.stderr).toContain(moved.digest);
    await push(repository, 'first');
    expect((await tagseal(data.path, 'check', image)).code).toBe(0);
  });

  it('gives evidence that the real cosign verifies, and refuses when the statement was changed', async () => {
    const evidence = join(data.path, 'evidence');
    const saved = await tagseal(data.path, 'verify', image, '--save', evidence);
    expect({ code: saved.code, stderr: saved.stderr }).toEqual({ code: 0, stderr: '' });
    for (const statement of ['claim', 'binding']) {
      const verified = await cosign(evidence, `${statement}.json`, `${statement}.sigstore.json`);
      expect({ code: verified.code, stderr: verified.stderr }).toEqual({ code: 0, stderr: 'Verified OK\n' });
    }
    const swapped = await cosign(evidence, 'claim.json', 'binding.sigstore.json');
    expect(swapped.code).not.toBe(0);
  });

  it('runs the printed cosign command as it stands', async () => {
    const evidence = join(data.path, 'evidence');
    const saved = await tagseal(data.path, 'verify', image, '--save', evidence);
    const command = /^\s*(cosign verify-blob .*)$/m.exec(saved.stdout)?.[1];
    expect(command).toBeDefined();
    const done = await runProcess('sh', ['-c', command ?? 'false'], {
      cwd: data.path,
      env: { PATH: `${join(goTool('cosign'), '..')}:${process.env['PATH'] ?? ''}` },
    });
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: 'Verified OK\n' });
  });

  it('restores a lost record from the log alone, and refuses another digest for it', async () => {
    const records = join(data.path, 'data', 'records');
    const before = JSON.parse((await tagseal(data.path, 'history', image, '-o', 'json')).stdout) as History;
    await rm(records, { recursive: true, force: true });
    const restored = await tagseal(data.path, 'record', image);
    expect({ code: restored.code, stderr: restored.stderr }).toEqual({ code: 0, stderr: '' });
    const after = JSON.parse((await tagseal(data.path, 'history', image, '-o', 'json')).stdout) as History;
    expect(after.generations[0]?.log).toEqual(before.generations[0]?.log);

    await push(repository, 'second');
    // the second time would succeed if the first had put its binding into the log
    for (let time = 0; time < 2; time++) {
      await rm(records, { recursive: true, force: true });
      const lost = await tagseal(data.path, 'record', image);
      expect({ code: lost.code, lines: lost.stderr.trim().split('\n').length }).toEqual({
        code: 4,
        lines: 1,
      });
      expect(lost.stderr).toContain('was recorded before');
    }
    await push(repository, 'first');
    await rm(records, { recursive: true, force: true });
    expect((await tagseal(data.path, 'record', image)).code).toBe(0);
  });

  it('goes on from a generation that nobody knows any more once somebody accepts the next one', async () => {
    const records = join(data.path, 'data', 'records');
    const { digest } = await push(repository, 'second');
    await rm(records, { recursive: true, force: true });
    const accept = ['accept', `${image}@${digest}`, '--reason', 'the store was lost', '-o', 'json'];
    const accepted = await tagseal(data.path, ...accept);
    expect({ code: accepted.code, stderr: accepted.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(accepted.stdout)).toMatchObject({
      lost: { generation: 0 },
      record: { generation: 1, digest },
    });
    await rm(records, { recursive: true, force: true });
    expect((await tagseal(data.path, 'restore', image)).code).toBe(0);
    expect((await tagseal(data.path, 'check', image)).code).toBe(0);
    const { stdout } = await tagseal(data.path, 'history', image, '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ generations: [{ generation: 1, digest }] });
  });

  it('records many new tags at once: one record each', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `${repository}-${i}`);
    await Promise.all(names.map((name) => push(name, name)));
    const recorded = await tagseal(
      data.path,
      'record',
      ...names.map((name) => `${registry.host}/${name}:1`),
      '-o',
      'json',
    );
    expect({ code: recorded.code, stderr: recorded.stderr }).toEqual({ code: 0, stderr: '' });
    const indexes = [...recorded.stdout.matchAll(/"(?:logIndex|index)": ?(\d+)/g)].map(([, index]) => index);
    expect(new Set(indexes).size).toBe(names.length);
  });
});

describe('when the real Rekor stops', () => {
  it('keeps answering for known tags and refuses new ones with the reason', async () => {
    await using data = await makeTempFolder();
    await using own = await startRekorV2(join(data.path, 'rekor'));
    const { url, readUrl, origin, publicKeyFile } = own;
    const config = [`log: ${JSON.stringify({ kind: 'rekor-v2', url, readUrl, origin, publicKeyFile })}`];
    await push('e2e/known', 'known');
    await push('e2e/new', 'new');
    await using running = await startServe({ folder: data.path, registries: [registry.host], config });
    const known = proxied(running.proxy, registry.host, 'e2e/known/manifests/1');
    expect((await fetch(known)).status).toBe(200);
    await own.kill();

    expect((await fetch(known)).status).toBe(200);
    const refused = await fetch(proxied(running.proxy, registry.host, 'e2e/new/manifests/1'));
    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain('log');
  });
});

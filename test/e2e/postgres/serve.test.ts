import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKey } from '../../../src/rekor/key-signer.ts';
import { startFakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts';
import { pushImage } from '../../support/push-image.ts';
import { proxied, startServe, tagseal, writeConfig, type Served } from '../../support/serve.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { PASSWORD, startPostgres, type StartedPostgres } from '../stack/postgres.ts';
import { startRekorV2, type StartedRekor } from '../stack/start.ts';

const TAGS = 100;

let folder: TempFolder;
let registry: FakeRegistry;
let rekor: StartedRekor;
let postgres: StartedPostgres;

beforeAll(async () => {
  folder = await makeTempFolder();
  const secret = { mode: 0o600 };
  await writeFile(join(folder.path, 'signer.key'), generateKey().privateKeyPem, secret);
  await writeFile(join(folder.path, 'blinding.key'), `${randomBytes(32).toString('hex')}\n`, secret);
  registry = await startFakeRegistry();
  rekor = await startRekorV2(join(folder.path, 'rekor'));
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await rekor[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A folder of its own for each server; keys, log and store are common. */
async function prepare(name: string, storeUrl: string) {
  const { url, readUrl, origin, publicKeyFile } = rekor;
  const own = join(folder.path, name);
  await mkdir(own, { recursive: true });
  const config = [
    `log: ${JSON.stringify({ kind: 'rekor-v2', url, readUrl, origin, publicKeyFile })}`,
    `signer: {keyFile: ${join(folder.path, 'signer.key')}}`,
    `blindingKeyFile: ${join(folder.path, 'blinding.key')}`,
    `store: ${JSON.stringify({ kind: 'postgres', url: storeUrl, maxConnections: 5 })}`,
  ];
  return { folder: own, registries: [registry.host], config };
}

async function pull({ proxy }: Served, repository: string) {
  const answer = await fetch(proxied(proxy, registry.host, `${repository}/manifests/1`));
  await answer.arrayBuffer();
  return { status: answer.status, index: answer.headers.get('tlog-logindex') };
}

describe('two servers on one PostgreSQL and one real Rekor', () => {
  it('that are asked for 100 new tags at once make one record of each and say the same', async () => {
    const url = await postgres.createDatabase('served');
    const names = Array.from({ length: TAGS }, (_, i) => `e2e/tag-${i}`);
    for (const repository of names) {
      await pushImage({ registryUrl: registry.url, repository, tag: '1', text: repository });
    }
    await using first = await startServe(await prepare('first', url));
    await using second = await startServe(await prepare('second', url));
    const asked = await Promise.all(
      names.flatMap((repository) => [pull(first, repository), pull(second, repository)]),
    );
    expect(asked.filter(({ status }) => status !== 200)).toEqual([]);
    const again = await Promise.all(
      names.map(async (repository) => [await pull(first, repository), await pull(second, repository)]),
    );
    for (const [one, other] of again) expect(one).toEqual(other);
    const indexes = again.map(([one]) => one?.index);
    expect(new Set(indexes).size).toBe(TAGS);
    expect(indexes).not.toContain(null);

    const rows = await postgres.sql(
      'served',
      `SELECT phase IN ('Logged', 'Confirmed') AS logged, count(*)::int AS n, count(DISTINCT reference)::int AS tags
        FROM tagseal_records GROUP BY 1`,
    );
    expect(rows).toEqual([{ logged: true, n: TAGS, tags: TAGS }]);
  });

  it('keep answering for known tags while the database is away, and for all when it is back', async () => {
    const url = await postgres.createDatabase('away');
    for (const repository of ['e2e/known', 'e2e/new']) {
      await pushImage({ registryUrl: registry.url, repository, tag: '1', text: repository });
    }
    await using served = await startServe(await prepare('third', url));
    expect(await pull(served, 'e2e/known')).toMatchObject({ status: 200 });
    await postgres.kill();
    expect(await pull(served, 'e2e/known')).toMatchObject({ status: 200 });
    expect(await pull(served, 'e2e/new')).toMatchObject({ status: 503 });
    const ready = await fetch(`${served.admin}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('cannot use the store');
    await postgres.start();
    expect(await pull(served, 'e2e/new')).toMatchObject({ status: 200 });
    expect((await fetch(`${served.admin}/readyz`)).status).toBe(200);
    expect(served.process.output()).not.toContain(PASSWORD);
    expect(served.process.output()).not.toContain(encodeURIComponent(PASSWORD));
  });
});

describe('a command on a database that does not answer', () => {
  it('says so in one line without the password and exits with 3', async () => {
    const settings = await prepare('broken', postgres.url('nowhere'));
    await writeConfig(settings);
    const { code, stderr } = await tagseal(settings.folder, 'check', `${registry.host}/e2e/x:1`);
    expect(code).toBe(3);
    expect(stderr).toMatch(/cannot use the store .*it has no such database/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).not.toContain(encodeURIComponent(PASSWORD));
  });
});

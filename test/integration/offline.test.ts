import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startFakeRegistry } from '../support/fake-registry.ts';
import { startServe, tagseal, writeConfig } from '../support/serve.ts';
import { readRecords } from '../support/served-ledger.ts';
import type { Finished } from '../support/start-process.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** The one answer of `tagseal check -o json`. */
function answerOf({ stdout }: Finished): unknown {
  const [answer, ...more] = JSON.parse(stdout) as readonly unknown[];
  expect(more).toEqual([]);
  return answer;
}

/** Records `app:1` of a registry, then stops the registry and whatever `inbetween` stops. */
async function recordAndStop(folder: string, config: readonly string[] = []) {
  await using registry = await startFakeRegistry();
  const { digest } = await registry.putImage({ repository: 'app', tag: '1' });
  await writeConfig({ folder, registries: [registry.host], config });
  const image = `${registry.host}/app:1`;
  expect(await tagseal(folder, 'record', image)).toMatchObject({ code: 0, stderr: '' });
  return { image, digest, other: `${registry.host}/app:2` };
}

async function expectAnsweredFromTheRecord(folder: string, image: string, digest: string) {
  const table = await tagseal(folder, 'check', image);
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout).toMatch(
    new RegExp(`${image} +ok +${digest.slice(0, 19)} +1 +answered from the record, not rechecked: `),
  );
  const json = await tagseal(folder, 'check', '-o', 'json', image);
  expect(json).toMatchObject({ code: 0, stderr: '' });
  expect(answerOf(json)).toMatchObject({
    image,
    verdict: 'ok',
    digest,
    notes: [{ kind: 'notRechecked', code: 'REGISTRY_UNAVAILABLE' }],
  });
}

describe('check, with everything else stopped', () => {
  it('answers for a known tag from the record, and says that it could not recheck', async () => {
    await using folder = await makeTempFolder();
    const { image, digest } = await recordAndStop(folder.path);
    await expectAnsweredFromTheRecord(folder.path, image, digest);
  });

  it('answers in the same way when the log is a server of its own, which has stopped', async () => {
    await using folder = await makeTempFolder();
    await using elsewhere = await makeTempFolder();
    await using log = await startServe({ folder: elsewhere.path, registries: [] });
    const trusted = join(elsewhere.path, 'data', 'log', 'trusted_root.json');
    const config = [`log: {kind: rekor-v2, url: "${log.admin}/log", trustedRootFile: "${trusted}"}`];
    const { image, digest } = await recordAndStop(folder.path, config);
    expect(await log.process.stop()).toEqual({ code: 0, signal: null });
    await expectAnsweredFromTheRecord(folder.path, image, digest);
  });

  it('gives no verdict on a new tag, and exits with 3', async () => {
    await using folder = await makeTempFolder();
    const { other } = await recordAndStop(folder.path);
    const finished = await tagseal(folder.path, 'check', other);
    expect(finished).toMatchObject({ code: 3, stdout: '' });
    expect(finished.stderr).toMatch(/^tagseal: no verdict for [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect(await readRecords(folder.path)).toHaveLength(1);
  });
});

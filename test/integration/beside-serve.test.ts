import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { pullPath, startServe, tagseal, writeConfig, type Served } from '../support/serve.ts';
import { IN_THE_LOG, readRecords, readServedLedger } from '../support/served-ledger.ts';
import type { Finished } from '../support/start-process.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

describe('processes on one folder', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  beforeEach(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    for (const tag of ['1', '2', '3']) await registry.putImage({ repository: 'app', tag });
  });
  afterEach(async () => {
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  const image = (tag: string) => `${registry.host}/app:${tag}`;
  const serve = () => startServe({ folder: folder.path, registries: [registry.host] });
  const record = (tag: string) => tagseal(folder.path, 'record', '-o', 'json', image(tag));
  const wordOf = ({ stdout }: Finished) =>
    (JSON.parse(stdout) as readonly { readonly verdict: string }[])[0]?.verdict;
  const pull = ({ proxy }: Served, tag: string) =>
    call(proxy, pullPath(registry.host, `app/manifests/${tag}`));

  it('a command records through the log of the serve that runs there', async () => {
    await using served = await serve();
    expect(wordOf(await record('1'))).toBe('recorded');
    const known = await pull(served, '1');
    expect([known.status, known.headers['tlog-first-seen']]).toEqual([200, undefined]);
    const { records, leaves, expectedLeaves } = await readServedLedger(served, folder.path);
    expect(records).toMatchObject([
      { reference: image('1'), origin: 'cli', phase: expect.stringMatching(IN_THE_LOG) },
    ]);
    expect(leaves).toHaveLength(2);
    expect(leaves).toEqual(expectedLeaves);
  });

  it('two commands and a pull at once make one record, in spite of two digests', async () => {
    const other = await registry.putImage({ repository: 'app', tag: 'other', text: 'other' });
    const one = registry.content.manifest('app', '1')?.digest ?? '';
    registry.lies.alternating = [one, other.digest];
    await using served = await serve();
    const [first, second, pulled] = await Promise.all([record('1'), record('1'), pull(served, '1')]);
    const { records, leaves, expectedLeaves } = await readServedLedger(served, folder.path);
    expect(records).toMatchObject([{ reference: image('1'), phase: expect.stringMatching(IN_THE_LOG) }]);
    expect(leaves).toHaveLength(2);
    expect(leaves).toEqual(expectedLeaves);

    const firsts = [first, second].map(wordOf).filter((word) => word === 'recorded').length;
    expect(firsts + (pulled.headers['tlog-first-seen'] === 'true' ? 1 : 0)).toBe(1);
    // whoever was shown the other digest is told that the tag has moved
    for (const finished of [first, second]) expect(['recorded', 'ok', 'moved']).toContain(wordOf(finished));
    expect([200, 403]).toContain(pulled.status);
  });

  it('two commands at once, where no serve runs, wait for one another and make one record', async () => {
    await writeConfig({ folder: folder.path, registries: [registry.host] });
    const finished = await Promise.all([record('1'), record('1')]);
    expect(finished.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    expect(finished.map(wordOf).toSorted()).toEqual(['ok', 'recorded']);
    expect(await readRecords(folder.path)).toHaveLength(1);
  });

  it('a second serve finds the log again when the first one has been restarted', async () => {
    await using first = await serve();
    await using second = await serve();
    expect((await pull(second, '1')).status).toBe(200);
    await first.process.stop();
    const refused = await pull(second, '2');
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('the process that served it has ended; start it again');
    expect((await pull(second, '1')).status).toBe(200);

    await using again = await serve();
    expect((await pull(second, '2')).status).toBe(200);
    const { leaves, expectedLeaves } = await readServedLedger(again, folder.path);
    expect(leaves).toHaveLength(4);
    expect(leaves).toEqual(expectedLeaves);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import {
  podReview,
  pullPath,
  review,
  runTagseal,
  startServe,
  tagseal,
  writeConfig,
  type Served,
} from '../support/serve.ts';
import { IN_THE_LOG, readRecords, readServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

/** Runs a program that can write no file beyond so many blocks of 512 bytes: a disk that is full for all but small ones. */
const withFilesUpTo = (blocks: number) => ['sh', '-c', `ulimit -f ${blocks}; exec "$0" "$@"`] as const;

/** The lock and the announcement fit in; a reservation does not. */
const NO_RECORD = 2;
/** A reservation and the log's files fit in; a record with its bundles does not. */
const NO_BUNDLES = 6;

describe('a disk that takes no more', () => {
  let folder: TempFolder;
  let registry: FakeRegistry;
  beforeAll(async () => {
    folder = await makeTempFolder();
    registry = await startFakeRegistry();
    // keys and certificates are there already when the disk gets full
    await using served = await startServe({ folder: folder.path, registries: [registry.host] });
    await served.process.stop();
  });
  afterAll(async () => {
    await registry.close();
    await folder[Symbol.asyncDispose]();
  });

  const serve = (blocks?: number) =>
    startServe({
      folder: folder.path,
      registries: [registry.host],
      ...(blocks !== undefined && { under: withFilesUpTo(blocks) }),
    });
  const pull = ({ proxy }: Served, name: string) =>
    call(proxy, pullPath(registry.host, `${name}/manifests/1`));

  it('at the first start ends the command with one line that says so', async () => {
    await using empty = await makeTempFolder();
    await writeConfig({ folder: empty.path, registries: [registry.host] });
    const under = withFilesUpTo(0);
    const finished = await runTagseal(empty.path, ['record', `${registry.host}/app:1`], { under });
    expect(finished.stderr).toMatch(/^tagseal: [^\n]*signer\.key[^\n]*EFBIG[^\n]*dataDir can be written\n$/);
    expect(finished).toMatchObject({ code: 2, stdout: '' });
  });

  it('before a reservation refuses the tag, and takes it once there is room', async () => {
    const { digest } = await registry.putImage({ repository: 'early', tag: '1' });
    const image = `${registry.host}/early:1`;
    await using full = await serve(NO_RECORD);
    const refused = await pull(full, 'early');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
    const { allowed, status } = await review(full, podReview([image]));
    expect(allowed).toBe(false);
    const told = JSON.parse(refused.text) as { errors: readonly { message: string; detail: object }[] };
    expect(told.errors[0]?.detail).toEqual({ reason: 'STORE_UNAVAILABLE' });
    for (const message of [told.errors[0]?.message, status?.message]) {
      expect(message).toMatch(/^[^\n]*\/data\/records\/[^\n]*EFBIG[^\n]*free space[^\n]*$/);
      expect(message).toContain(JSON.stringify(image));
    }
    const { records, leaves } = await readServedLedger(full, folder.path);
    expect([records, leaves]).toEqual([[], []]);
    expect(await full.process.stop()).toEqual({ code: 0, signal: null });

    await using roomy = await serve();
    const taken = await pull(roomy, 'early');
    expect([taken.status, taken.headers['docker-content-digest']]).toEqual([200, digest]);
    expect(await readRecords(folder.path)).toMatchObject([
      { reference: image, digest, phase: expect.stringMatching(IN_THE_LOG) },
    ]);
  });

  it('after a reservation refuses the tag, and goes on with that reservation once there is room', async () => {
    const { digest } = await registry.putImage({ repository: 'late', tag: '1' });
    const image = `${registry.host}/late:1`;
    const recordOf = async () =>
      (await readRecords(folder.path)).filter(({ reference }) => reference === image);
    await using full = await serve(NO_BUNDLES);
    const refused = await pull(full, 'late');
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('free space');
    expect(await recordOf()).toMatchObject([{ digest, phase: 'Reserved' }]);
    await full.process.stop();

    await registry.putImage({ repository: 'late', tag: '1', text: 'moved' });
    await using roomy = await serve();
    await roomy.process.waitFor(/"event":"record.resumed"/);
    expect(await recordOf()).toMatchObject([{ digest, phase: expect.stringMatching(IN_THE_LOG) }]);
    const { leaves, expectedLeaves } = await readServedLedger(roomy, folder.path);
    expect(leaves).toEqual(expectedLeaves);
    expect(await tagseal(folder.path, 'verify', image)).toMatchObject({ code: 0, stderr: '' });
  });
});

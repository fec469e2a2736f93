import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProtocolStep } from '../../src/protocol/steps.ts';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import { podReview, pullPath, review, startServe, tagseal, type Served } from '../support/serve.ts';
import { readRecords, readServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const FAILING = join(import.meta.dirname, '../support/serve-with-failpoint.ts');

/** Every step of a first sight, and the phase of the record that the store holds when the process dies there. */
const STEPS: readonly (readonly [ProtocolStep, readonly string[]])[] = [
  ['resolved', []],
  ['signed', []],
  ['reserved', ['Reserved']],
  ['claimSubmitted', ['Reserved']],
  ['bindingSubmitted', ['Reserved']],
  ['verified', ['Reserved']],
  ['saved', ['Logged']],
];

describe('serve, killed with -9 during a first sight', () => {
  let registry: FakeRegistry;
  beforeAll(async () => {
    registry = await startFakeRegistry();
  });
  afterAll(() => registry.close());

  const repositoryOf = (step: string) => `killed/${step.toLowerCase()}`;
  const imageOf = (step: string) => `${registry.host}/${repositoryOf(step)}:1`;
  const settings = (folder: string) => ({ folder, registries: [registry.host] });

  const push = (step: string, text: string) =>
    registry.putImage({ repository: repositoryOf(step), tag: '1', text });

  const pull = ({ proxy }: Served, step: string) =>
    call(proxy, pullPath(registry.host, `${repositoryOf(step)}/manifests/1`));

  /** Asks for a new tag, of which the process dies. */
  async function dieAt(step: ProtocolStep, folder: string, ask: (served: Served) => Promise<unknown>) {
    const failing = { program: FAILING, env: { FAILPOINT: step } };
    await using served = await startServe({ ...settings(folder), ...failing });
    await expect(ask(served)).rejects.toThrow();
    expect(await served.process.exited).toEqual({ code: null, signal: 'SIGKILL' });
  }

  /** One record, one claim, one binding. */
  async function expectWhole(served: Served, folder: string, step: string, digest: string) {
    const { records, leaves, expectedLeaves } = await readServedLedger(served, folder);
    expect(records).toMatchObject([{ reference: imageOf(step), digest, phase: 'Logged' }]);
    expect(leaves).toHaveLength(2);
    expect(leaves).toEqual(expectedLeaves);
  }

  it.each(STEPS)('at "%s" has lost nothing of it when it runs again', async (step, phases) => {
    await using folder = await makeTempFolder();
    await using copy = await makeTempFolder();
    const { digest } = await push(step, 'first');
    await dieAt(step, folder.path, (served) => pull(served, step));
    expect((await readRecords(folder.path)).map(({ phase }) => phase)).toEqual(phases);
    await cp(folder.path, copy.path, { recursive: true });

    await using same = await startServe(settings(folder.path));
    const again = await pull(same, step);
    expect([again.status, again.headers['docker-content-digest']]).toEqual([200, digest]);
    await expectWhole(same, folder.path, step, digest);

    // what was reserved is what the tag means, whatever the registry says by now
    const moved = await push(step, 'second');
    await using other = await startServe(settings(copy.path));
    if (phases.includes('Reserved')) await other.process.waitFor(/"event":"record.resumed"/);
    const refused = await pull(other, step);
    if (phases.length === 0) {
      expect([refused.status, refused.headers['docker-content-digest']]).toEqual([200, moved.digest]);
    } else {
      expect(refused.status).toBe(403);
      expect(refused.text).toContain(JSON.stringify(`got "${moved.digest}", want "${digest}"`).slice(1, -1));
    }
    await expectWhole(other, copy.path, step, phases.length === 0 ? moved.digest : digest);
    expect(await tagseal(copy.path, 'verify', imageOf(step))).toMatchObject({ code: 0, stderr: '' });
  });

  it('at "reserved" by a Pod admits the same Pod when it runs again', async () => {
    await using folder = await makeTempFolder();
    const { digest } = await push('pod', 'first');
    const pod = podReview([imageOf('pod')]);
    await dieAt('reserved', folder.path, (served) => review(served, pod));

    await using served = await startServe(settings(folder.path));
    const { allowed, patch = '' } = await review(served, pod);
    expect(allowed).toBe(true);
    expect(Buffer.from(patch, 'base64').toString()).toContain(`${imageOf('pod')}@${digest}`);
    await expectWhole(served, folder.path, 'pod', digest);
  });
});

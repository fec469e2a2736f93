import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ProtocolStep } from '../../src/protocol/steps.ts';
import { startFakeRegistry, type FakeRegistry } from '../support/fake-registry.ts';
import { call } from '../support/http-call.ts';
import {
  podReview,
  pullPath,
  review,
  startServe,
  tagseal,
  type Served,
  type ServeSettings,
} from '../support/serve.ts';
import { IN_THE_LOG, readRecords, readServedLedger } from '../support/served-ledger.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** They share two cores. */
const TIMEOUT_MS = 60_000;
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

function repositoryOf(step: string): string {
  return `killed/${step.toLowerCase()}`;
}

function imageOf({ host }: FakeRegistry, step: string): string {
  return `${host}/${repositoryOf(step)}:1`;
}

function push(registry: FakeRegistry, step: string, text: string) {
  return registry.putImage({ repository: repositoryOf(step), tag: '1', text });
}

function pull({ proxy }: Served, { host }: FakeRegistry, step: string) {
  return call(proxy, pullPath(host, `${repositoryOf(step)}/manifests/1`));
}

/** Asks for a new tag, of which the process dies. */
async function dieAt(
  step: ProtocolStep,
  settings: ServeSettings,
  ask: (served: Served) => Promise<unknown>,
): Promise<void> {
  await using served = await startServe({ ...settings, program: FAILING, env: { FAILPOINT: step } });
  await expect(ask(served)).rejects.toThrow();
  expect(await served.process.exited).toEqual({ code: null, signal: 'SIGKILL' });
}

/** One record, one claim, one binding. */
async function expectWhole(served: Served, folder: string, record: Readonly<Record<string, string>>) {
  const { records, leaves, expectedLeaves } = await readServedLedger(served, folder);
  expect(records).toMatchObject([{ ...record, phase: expect.stringMatching(IN_THE_LOG) }]);
  expect(leaves).toHaveLength(2);
  expect(leaves).toEqual(expectedLeaves);
}

describe('serve, killed with -9 during a first sight', () => {
  it.concurrent.each(STEPS)(
    'at "%s" has lost nothing of it when it runs again',
    async (step, phases) => {
      await using registry = await startFakeRegistry();
      await using folder = await makeTempFolder();
      await using copy = await makeTempFolder();
      const registries = [registry.host];
      const reference = imageOf(registry, step);
      const { digest } = await push(registry, step, 'first');
      await dieAt(step, { folder: folder.path, registries }, (served) => pull(served, registry, step));
      expect((await readRecords(folder.path)).map(({ phase }) => phase)).toEqual(phases);
      await cp(folder.path, copy.path, { recursive: true });

      await using same = await startServe({ folder: folder.path, registries });
      const again = await pull(same, registry, step);
      expect([again.status, again.headers['docker-content-digest']]).toEqual([200, digest]);
      await expectWhole(same, folder.path, { reference, digest });

      if (phases.length === 0) return;
      // what was reserved is what the tag means, whatever the registry says by now
      const moved = await push(registry, step, 'second');
      await using other = await startServe({ folder: copy.path, registries });
      if (phases.includes('Reserved')) await other.process.waitFor(/"event":"record.resumed"/);
      const refused = await pull(other, registry, step);
      expect(refused.status).toBe(403);
      expect(refused.text).toContain(JSON.stringify(`got "${moved.digest}", want "${digest}"`).slice(1, -1));
      await expectWhole(other, copy.path, { reference, digest });
      expect(await tagseal(copy.path, 'verify', reference)).toMatchObject({ code: 0, stderr: '' });
    },
    TIMEOUT_MS,
  );

  it.concurrent(
    'at "reserved" by a Pod admits the same Pod when it runs again',
    async () => {
      await using registry = await startFakeRegistry();
      await using folder = await makeTempFolder();
      const settings = { folder: folder.path, registries: [registry.host] };
      const { digest } = await push(registry, 'pod', 'first');
      const reference = imageOf(registry, 'pod');
      const pod = podReview([reference]);
      await dieAt('reserved', settings, (served) => review(served, pod));

      await using served = await startServe(settings);
      const { allowed, patch = '' } = await review(served, pod);
      expect(allowed).toBe(true);
      expect(Buffer.from(patch, 'base64').toString()).toContain(`${reference}@${digest}`);
      await expectWhole(served, folder.path, { reference, digest });
    },
    TIMEOUT_MS,
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCompactRange } from '../../../src/ledger/compact-range.ts';
import type { SignedStatement } from '../../../src/ledger/evidence.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import { generateKey, makeKeySigner } from '../../../src/rekor/key-signer.ts';
import { makeEvidenceVerifier } from '../../../src/rekor/verify-bundle.ts';
import type { RunningLog } from '../../support/test-log.ts';

const PARALLEL = 50;

/** What every log that is read leaf by leaf must do, whether embedded or a real Rekor. `start` gives a log that is not shared. */
export function logContract(name: string, start: () => Promise<RunningLog>): void {
  describe(`${name} as a log`, () => {
    const signer = makeKeySigner({ pem: generateKey().privateKeyPem, source: 'test' });
    const signal = new AbortController().signal;
    const statement = (text: string): Promise<SignedStatement> =>
      signer.sign(JSON.stringify({ text }), signal);
    let log: RunningLog;
    let verifier: ReturnType<typeof makeEvidenceVerifier>;

    beforeAll(async () => {
      log = await start();
      verifier = makeEvidenceVerifier({ keys: [signer.spki], identities: [], logs: [log.trust] });
    });
    afterAll(async () => log[Symbol.asyncDispose]());

    it('answers a first submission with a bundle that verifies', async () => {
      const signed = await statement('first');
      const { outcome, bundle } = await log.client.submit(signed, signal);
      const entry = await verifier.verify({ ...signed, bundle });
      // v1 puts the ID of the tree before it
      expect([outcome, entry.uuid.slice(-64)]).toEqual(['created', verifier.leafHash(signed)]);
    });

    it('answers the same submission again with the entry that it has', async () => {
      const signed = await statement('again');
      const first = await log.client.submit(signed, signal);
      const second = await log.client.submit(signed, signal);
      expect([first.outcome, second.outcome]).toEqual(['created', 'exists']);
      const entries = await Promise.all(
        [first, second].map(async ({ bundle }) => {
          // the tree may have grown, or be signed anew
          const { checkpoint, ...entry } = await verifier.verify({ ...signed, bundle });
          return { ...entry, origin: checkpoint.split('\n')[0] };
        }),
      );
      expect(entries[1]).toEqual(entries[0]);
    });

    it(`gives each of ${PARALLEL} parallel submissions an index of its own`, async () => {
      const all = await Promise.all(
        Array.from({ length: PARALLEL }, async (_, i) => {
          const signed = await statement(`parallel ${i}`);
          const { bundle } = await log.client.submit(signed, signal);
          return (await verifier.verify({ ...signed, bundle })).logIndex;
        }),
      );
      expect(new Set(all).size).toBe(PARALLEL);
    });

    it('gives one entry to parallel submissions of one statement', async () => {
      const signed = await statement('twins');
      const all = await Promise.all(Array.from({ length: 8 }, () => log.client.submit(signed, signal)));
      const indexes = await Promise.all(all.map(({ bundle }) => verifier.verify({ ...signed, bundle })));
      expect(new Set(indexes.map(({ logIndex }) => logIndex)).size).toBe(1);
      expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    });

    it('lists leaves that make the root of its checkpoint', async () => {
      const { treeSize, rootHash } = await log.client.checkpoint(signal);
      const range = makeCompactRange();
      for await (const batch of log.client.leaves(0, treeSize, signal)) {
        expect(batch.start).toBe(range.size);
        for (const body of batch.entries) range.append(leafHash(body));
      }
      expect(range.size).toBe(treeSize);
      expect(Buffer.from(range.root()).equals(rootHash)).toBe(true);
    });

    it('lists leaves from and to any index', async () => {
      const { treeSize } = await log.client.checkpoint(signal);
      const all = await readAll(log, { from: 0, to: treeSize }, signal);
      expect(await readAll(log, { from: 3, to: 7 }, signal)).toEqual(all.slice(3, 7));
    });

    it('gives a bundle for an entry by its index', async () => {
      const signed = await statement('by index');
      const submitted = await log.client.submit(signed, signal);
      const { logIndex } = await verifier.verify({ ...signed, bundle: submitted.bundle });
      const bundle = await log.client.bundleAt(logIndex, signed, signal);
      expect((await verifier.verify({ ...signed, bundle })).logIndex).toBe(logIndex);
    });

    it('shows which of its leaves are ours', async () => {
      const { treeSize } = await log.client.checkpoint(signal);
      const leaves = await readAll(log, { from: 0, to: treeSize }, signal);
      expect(leaves.map((body) => verifier.candidate(body))).not.toContain(undefined);
    });
  });
}

async function readAll(
  log: RunningLog,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const { entries } of log.client.leaves(from, to, signal)) all.push(...entries);
  return all;
}

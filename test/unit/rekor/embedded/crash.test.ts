import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { makeCompactRange } from '../../../../src/ledger/compact-range.ts';
import { leafHash } from '../../../../src/ledger/leaf-hash.ts';
import { openEmbeddedLog } from '../../../../src/rekor/embedded/embedded-log.ts';
import { makeEvidenceVerifier } from '../../../../src/rekor/verify-bundle.ts';
import { startProcess } from '../../../support/start-process.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { clientOf, SILENT } from '../../../support/test-log.ts';
import { makeTestSigner, NEVER } from '../../../support/test-signer.ts';

const CHILD = join(import.meta.dirname, '../../../support/log-writer-child.ts');
/** After how many acknowledged writes the process is killed; some of its writes are under way then. */
const ROUNDS = [1, 5, 23, 2] as const;

describe('an embedded log whose process is killed', () => {
  it('keeps every acknowledged write, and a tree that verifies from its first leaf', async () => {
    await using folder = await makeTempFolder();
    const acknowledged: string[] = [];
    for (const [round, writes] of ROUNDS.entries()) {
      acknowledged.push(...(await writeAndKill(folder.path, round, writes)));
      await assertWhole(folder.path, acknowledged);
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS.reduce((sum, each) => sum + each, 0));
  }, 60_000);
});

async function writeAndKill(dir: string, round: number, writes: number): Promise<string[]> {
  await using child = startProcess(process.execPath, [CHILD, dir, String(round)]);
  await child.waitFor(new RegExp(`(created round .*\\n[^]*?){${writes}}`));
  await child.stop('SIGKILL');
  return [...child.output().matchAll(/^created (.*)\n/gm)].map(([, text]) => text ?? '');
}

async function assertWhole(dir: string, acknowledged: readonly string[]): Promise<void> {
  const log = await openEmbeddedLog({ dir, logger: SILENT });
  try {
    const client = clientOf(log.trust, log.transport);
    const signer = makeTestSigner();
    const verifier = makeEvidenceVerifier({ keys: [signer.spki], identities: [], logs: [log.trust] });
    const { treeSize, rootHash } = await client.checkpoint(NEVER);
    const range = makeCompactRange();
    const leaves = new Set<string>();
    for await (const { entries } of client.leaves(0, treeSize, NEVER)) {
      for (const body of entries) {
        range.append(leafHash(body));
        leaves.add(Buffer.from(leafHash(body)).toString('hex'));
      }
    }
    expect(Buffer.from(range.root()).equals(rootHash)).toBe(true);
    expect(leaves.size).toBe(treeSize);
    for (const text of acknowledged) {
      expect([text, leaves.has(verifier.leafHash(await signer.sign(text, NEVER)))]).toEqual([text, true]);
    }
  } finally {
    await log.close();
  }
}

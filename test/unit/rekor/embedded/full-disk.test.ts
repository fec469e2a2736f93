import { describe, expect, it } from '@jest/globals';
import { parseCheckpoint } from '../../../../src/ledger/signed-note.ts';
import { openEmbeddedLog } from '../../../../src/rekor/embedded/embedded-log.ts';
import { makeFailingDisk } from '../../../support/failing-disk.ts';
import { makeTempFolder } from '../../../support/temp-folder.ts';
import { clientOf, SILENT, startEmbeddedLog } from '../../../support/test-log.ts';
import { NEVER, signedStatement } from '../../../support/test-signer.ts';
import { codeOf } from '../../../support/throw-with-code.ts';

const MAX_CALLS = 30;

describe('an embedded log on a full disk', () => {
  it('refuses a write whichever call fails, signs one history, and works again', async () => {
    const failing = makeFailingDisk();
    await using log = await startEmbeddedLog({ disk: failing.disk });
    const roots = new Map<number, string>();
    const acknowledged: number[] = [];
    let refused = 0;
    for (let calls = 0; calls < MAX_CALLS; calls += 1) {
      const signed = await signedStatement(`write ${calls}`);
      failing.failAfter(calls);
      const code = await codeOf(() => log.client.submit(signed, NEVER));
      if (failing.hasFailed() && code !== undefined) refused += 1;
      expect(code).toBe(code === undefined ? undefined : 'LOG_UNAVAILABLE');
      notePublished(roots, log.log.published().note);
      failing.heal();
      // whether or not a checkpoint had got out, the same write now succeeds and has one place
      await log.client.submit(signed, NEVER);
      notePublished(roots, log.log.published().note);
      acknowledged.push(log.log.published().treeSize);
    }
    expect(refused).toBeGreaterThan(5);
    expect(acknowledged).toEqual(Array.from({ length: MAX_CALLS }, (_, i) => i + 1));
    await log.log.close();
    const again = await openEmbeddedLog({ dir: log.dir, logger: SILENT });
    expect(again.published().treeSize).toBe(MAX_CALLS);
    await again.close();
  });

  it('opens, or says why not, whichever call fails when it is made', async () => {
    const failing = makeFailingDisk();
    let opened = 0;
    for (let calls = 0; opened === 0 || calls < 20; calls += 1) {
      await using folder = await makeTempFolder();
      failing.failAfter(calls);
      const code = await codeOf(async () =>
        (await openEmbeddedLog({ dir: folder.path, logger: SILENT, disk: failing.disk })).close(),
      );
      if (code === undefined) opened += 1;
      else expect(code).toBe('LOG_UNAVAILABLE');
      failing.heal();
      const log = await openEmbeddedLog({ dir: folder.path, logger: SILENT, disk: failing.disk });
      const client = clientOf(log.trust, log.transport);
      expect((await client.submit(await signedStatement(), NEVER)).outcome).toBe('created');
      await log.close();
    }
  });
});

/** A tree size must never be signed with two roots. */
function notePublished(roots: Map<number, string>, note: string): void {
  const { treeSize, rootHash } = parseCheckpoint(note);
  const root = Buffer.from(rootHash).toString('hex');
  expect([treeSize, roots.get(treeSize) ?? root]).toEqual([treeSize, root]);
  roots.set(treeSize, root);
}

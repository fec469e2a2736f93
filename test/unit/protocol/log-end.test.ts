import { describe, expect, it } from '@jest/globals';
import { makeCompactRange } from '../../../src/ledger/compact-range.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import type { LogReader } from '../../../src/protocol/ports.ts';
import { readLogEnd } from '../../../src/protocol/log-end.ts';
import { startEmbeddedLog } from '../../support/test-log.ts';
import { makeTestSigner } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog } from '../../support/tree-log.ts';

const { signal } = new AbortController();

describe('readLogEnd', () => {
  it('is the range that reading all leaves gives, for every size', async () => {
    const log = makeTreeLog();
    const range = makeCompactRange();
    for (let size = 0; size < 70; size += 1) {
      const end = await readLogEnd(log.reader, signal);
      expect(end.range).toEqual(range.state());
      expect(end.checkpoint?.treeSize).toBe(size);
      log.addOthers(1);
      range.append(leafHash(log.leaves.at(-1) ?? Buffer.alloc(0)));
    }
  });

  it('reads it from the tiles of a log', async () => {
    await using log = await startEmbeddedLog();
    for (let i = 0; i < 5; i += 1)
      await log.client.submit(await makeTestSigner().sign(`tag ${i}`, signal), signal);
    expect((await readLogEnd(log.client, signal)).range.size).toBe(5);
  });

  const log = makeTreeLog();
  log.addOthers(13);
  it.each<[string, Partial<LogReader>]>([
    [
      'another last leaf',
      {
        leaves: async function* () {
          yield { start: 12, entries: [Buffer.from('forged')] };
        },
      },
    ],
    [
      'no last leaf',
      {
        leaves: async function* () {
          yield { start: 12, entries: [] };
        },
      },
    ],
    ['another path', { lastPath: async (size) => (await log.reader.lastPath(size, signal)).toReversed() }],
    [
      'a path that is too short',
      { lastPath: async (size) => (await log.reader.lastPath(size, signal)).slice(1) },
    ],
    [
      'a path that is too long',
      { lastPath: async (size) => [Buffer.alloc(32), ...(await log.reader.lastPath(size, signal))] },
    ],
    ['a path of another tree', { lastPath: () => log.reader.lastPath(12, signal) }],
  ])('refuses %s', async (_, lie) => {
    expect(await codeOf(() => readLogEnd({ ...log.reader, ...lie }, signal))).toBe('LOG_PROOF_INVALID');
  });
});

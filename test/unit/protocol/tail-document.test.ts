import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeCompactRange } from '../../../src/ledger/compact-range.ts';
import { leafHash } from '../../../src/ledger/leaf-hash.ts';
import {
  parseTailDocument,
  printTailDocument,
  type TailDocument,
} from '../../../src/protocol/tail-document.ts';
import { codeOf } from '../../support/throw-with-code.ts';
import { makeTreeLog } from '../../support/tree-log.ts';

const key = Buffer.from('secret');
const log = makeTreeLog();
log.addOthers(5);
const checkpoint = log.checkpoint();
const trust = { log: log.trust, key };

const rangeOf = (bodies: readonly Uint8Array[]) => {
  const range = makeCompactRange();
  for (const body of bodies) range.append(leafHash(body));
  return range.state();
};
const range = rangeOf(log.leaves);
const read = rangeOf([...log.leaves, Buffer.from('more')]);
const good: TailDocument = {
  verified: { range, checkpoint, leaves: 2 },
  read,
  leaves: 3,
  chain: 'a'.repeat(64),
};

const other = makeTreeLog();
other.addOthers(5);

/** Written by somebody who has the key. */
const BAD: readonly (readonly [string, unknown])[] = [
  ['a range without a checkpoint', { ...good, verified: { range, leaves: 2 } }],
  ['a checkpoint of another size', { ...good, verified: { ...good.verified, range: read } }],
  [
    'a checkpoint of other leaves',
    { ...good, verified: { ...good.verified, range: rangeOf(Array(5).fill(key)) } },
  ],
  [
    'a checkpoint of another log',
    { ...good, verified: { ...good.verified, checkpoint: other.checkpoint() } },
  ],
  ['less read than verified', { ...good, read: rangeOf(log.leaves.slice(1)) }],
  ['fewer leaves than verified', { ...good, leaves: 1 }],
  ['a negative count', { ...good, leaves: -3 }],
  ['a chain that is none', { ...good, chain: 'abc' }],
  ['a range with too few subtrees', { ...good, read: { size: 6, hashes: [] } }],
  ['a range of no hashes', { ...good, read: { size: 6, hashes: ['x', 'y'] } }],
];

describe('parseTailDocument', () => {
  it('reads back what was written', () => {
    expect(parseTailDocument(printTailDocument(good, key), trust)).toEqual(good);
    const none: TailDocument = { ...good, verified: { range: { size: 0, hashes: [] }, leaves: 0 } };
    expect(parseTailDocument(printTailDocument(none, key), trust)).toEqual(none);
  });

  it.each(BAD)('refuses %s, with the right seal', async (_, bad) => {
    const text = printTailDocument(bad as TailDocument, key);
    expect(await codeOf(() => parseTailDocument(text, trust))).toMatch(
      /^(?:RECORD_INVALID|LOG_PROOF_INVALID)$/,
    );
  });

  it('refuses every text in which one character is changed, and any junk, with an error of its own', async () => {
    const text = printTailDocument(good, key);
    const changed = fc.nat(text.length - 1).map((at) => {
      const next = text[at] === '1' ? '2' : '1';
      return text.slice(0, at) + next + text.slice(at + 1);
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string(), fc.json()), async (junk) => {
        expect(await codeOf(() => parseTailDocument(junk, trust))).toBe('RECORD_INVALID');
      }),
      { numRuns: 300 },
    );
  });
});

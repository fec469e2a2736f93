import { describe, expect, it } from '@jest/globals';
import { judge, type Judgement } from '../../../src/ledger/judge.ts';
import type { Digest } from '../../../src/reference/digest.ts';
import { parseDigest } from '../../../src/reference/parse-digest.ts';
import { isTagReference, parseReference } from '../../../src/reference/parse-reference.ts';
import type { TagReference } from '../../../src/reference/reference.ts';

const A = parseDigest(`sha256:${'a'.repeat(64)}`);
const B = parseDigest(`sha256:${'b'.repeat(64)}`);
const C = parseDigest(`sha256:${'c'.repeat(64)}`);
const NONE = undefined;

function wanting(digest: Digest | undefined): TagReference {
  const reference = parseReference(`alpine:3${digest === undefined ? '' : `@${digest}`}`);
  if (!isTagReference(reference)) throw new Error('the test needs a tag');
  return reference;
}

type Row = readonly [
  wanted: Digest | undefined,
  current: Digest | undefined,
  recorded: Digest | undefined,
  Judgement,
];

const unknown: Judgement = { kind: 'unknown' };
const same = (digest: Digest): Judgement => ({ kind: 'same', digest });
const first = (digest: Digest): Judgement => ({ kind: 'first', digest });
const moved = (recorded: Digest, current: Digest): Judgement => ({ kind: 'moved', recorded, current });
const pair = (wanted: Digest, means: Digest): Judgement => ({ kind: 'pairMismatch', wanted, means });

// every way in which three digests can be absent, equal or different
const ROWS: readonly Row[] = [
  [NONE, NONE, NONE, unknown],
  [A, NONE, NONE, unknown],
  [NONE, A, NONE, first(A)],
  [A, A, NONE, first(A)],
  [A, B, NONE, pair(A, B)],
  [NONE, NONE, A, same(A)],
  [A, NONE, A, same(A)],
  [A, NONE, B, pair(A, B)],
  [NONE, A, A, same(A)],
  [NONE, B, A, moved(A, B)],
  [A, A, A, same(A)],
  [A, B, B, pair(A, B)],
  [A, A, B, pair(A, B)],
  // who writes the recorded digest gets it, wherever the tag points now
  [A, B, A, same(A)],
  [A, B, C, pair(A, C)],
];

const short = (digest: Digest | undefined): string => digest?.slice(7, 8) ?? 'nothing';
const titled = (row: Row): readonly [string, Row] => [
  `text says ${short(row[0])}, registry says ${short(row[1])}, record says ${short(row[2])}: ${row[3].kind}`,
  row,
];

describe('judge', () => {
  it.each(ROWS.map(titled))('%s', (_, [wanted, current, recorded, judgement]) => {
    expect(judge(wanting(wanted), current, recorded)).toEqual(judgement);
  });

  it('takes the digest of another algorithm for another digest', () => {
    const sha512 = parseDigest(`sha512:${'a'.repeat(128)}`);
    expect(judge(wanting(sha512), A, A)).toEqual(pair(sha512, A));
  });
});

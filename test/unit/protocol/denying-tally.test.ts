import { describe, expect, it } from '@jest/globals';
import type { RecordPhase } from '../../../src/ledger/record.ts';
import { makeDenyingTally } from '../../../src/protocol/denying-tally.ts';

/** `0 Logged` -> generation 0 of the one tag. */
function tallyOf(generations: readonly string[]) {
  const tally = makeDenyingTally();
  for (const text of generations) {
    const [generation = '', phase = ''] = text.split(' ');
    tally.see({ claimId: 'a', generation: Number(generation) }, phase as RecordPhase);
  }
  return [tally.count('Unlogged'), tally.count('Conflicted')];
}

describe('the tags that are refused for what the log says', () => {
  it.each([
    [['0 Logged'], [0, 0]],
    [['0 Unlogged'], [1, 0]],
    [['0 Conflicted'], [0, 1]],
    [
      ['0 Conflicted', '1 Logged'],
      [0, 0],
    ],
    [
      ['1 Confirmed', '0 Unlogged'],
      [0, 0],
    ],
    [
      ['0 Logged', '1 Unlogged'],
      [1, 0],
    ],
    [
      ['0 Conflicted', '1 Unlogged'],
      [1, 0],
    ],
    [
      ['2 Reserved', '1 Unlogged', '0 Logged'],
      [0, 0],
    ],
    [
      ['0 Logged', '1 Logged', '2 Conflicted'],
      [0, 1],
    ],
  ])('of %j are %j', (generations, counts) => {
    expect(tallyOf(generations)).toEqual(counts);
  });

  it('are counted one by one', () => {
    const tally = makeDenyingTally();
    for (const claimId of ['a', 'b', 'c']) tally.see({ claimId, generation: 0 }, 'Unlogged');
    tally.see({ claimId: 'b', generation: 1 }, 'Logged');
    expect(tally.count('Unlogged')).toBe(2);
  });
});

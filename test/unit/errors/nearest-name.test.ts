import { describe, expect, it } from '@jest/globals';
import { nearestName } from '../../../src/errors/nearest-name.ts';

const NAMES = ['mode', 'rewrite', 'onMoved', 'recording', 'mutableTags'];

describe('nearestName', () => {
  it.each([
    ['mod', 'mode'],
    ['Mode', 'mode'],
    ['rewirte', 'rewrite'],
    ['onmoved', 'onMoved'],
    ['mutableTag', 'mutableTags'],
    ['recordings', 'recording'],
  ])('finds for %p the name %p', (typed, nearest) => {
    expect(nearestName(typed, NAMES)).toBe(nearest);
  });

  it.each(['', 'entirely different', 'x'.repeat(65)])('finds nothing for %p', (typed) => {
    expect(nearestName(typed, NAMES)).toBeUndefined();
  });

  it('finds nothing where there are no names', () => {
    expect(nearestName('mode', [])).toBeUndefined();
  });
});

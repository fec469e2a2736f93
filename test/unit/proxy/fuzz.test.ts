import { describe, expect, it } from '@jest/globals';
import { FUZZED_PARSERS } from '../../support/fuzz-parsers.ts';

const RUNS = 10_000;

describe('parsers of what strangers send', () => {
  it.each(FUZZED_PARSERS)('hold what they promise for any $name', ({ run }) => {
    expect(() => run(RUNS)).not.toThrow();
  });
});

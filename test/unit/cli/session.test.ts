import { Command } from 'commander';
import { describe, expect, it } from '@jest/globals';
import { timeLimit } from '../../../src/cli/session.ts';

function commandWith(...argv: readonly string[]): Command {
  const command = new Command().option('--timeout <ms>', 'limit', Number, 60_000);
  return command.parse(argv, { from: 'user' });
}

describe('timeLimit', () => {
  it('is the default for work on what was named', () => {
    expect(timeLimit(commandWith(), 'one')).toBe(60_000);
  });

  it('is none for work that grows with the ledger', () => {
    expect(timeLimit(commandWith(), 'whole')).toBe(undefined);
  });

  it.each(['one', 'whole'] as const)('is what was asked for (%s)', (extent) => {
    expect(timeLimit(commandWith('--timeout', '60000'), extent)).toBe(60_000);
  });
});

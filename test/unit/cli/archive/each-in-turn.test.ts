import { describe, expect, it } from '@jest/globals';
import { eachInTurn } from '../../../../src/cli/archive/each-in-turn.ts';

async function* items(...names: readonly string[]) {
  yield* names;
}

/** Work that ends when the test says so. */
function makeWork() {
  const started: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  return {
    started,
    work: (name: string) =>
      new Promise<void>((resolve, reject) => {
        started.push(name);
        ends.set(name, (error) => (error === undefined ? resolve() : reject(error)));
      }),
    end: async (name: string, error?: Error): Promise<void> => {
      ends.get(name)?.(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const turn = (name: string) => name.slice(0, 1);

describe('eachInTurn', () => {
  it('works on some at once and on no more, and lets those of one turn wait for one another', async () => {
    const { started, work, end } = makeWork();
    const done = eachInTurn({ source: items('a1', 'b1', 'b2', 'c1'), parallel: 2, turn, work });
    await end('nobody');
    expect(started).toEqual(['a1', 'b1']);
    await end('a1');
    expect(started).toEqual(['a1', 'b1']);
    await end('b1');
    expect(started).toEqual(['a1', 'b1', 'b2', 'c1']);
    await end('c1');
    await end('b2');
    await done;
  });

  it('starts no more after a failure, waits for what runs, and throws the first failure', async () => {
    const { started, work, end } = makeWork();
    const done = eachInTurn({ source: items('a1', 'b1', 'c1', 'd1'), parallel: 2, turn, work });
    const ended = done.then(
      () => 'well',
      (error: unknown) => String(error),
    );
    await end('nobody');
    await end('a1', new Error('first'));
    expect(started).toEqual(['a1', 'b1']);
    await end('b1', new Error('second'));
    expect(await ended).toBe('Error: first');
  });

  it('throws what the source throws, when all have ended', async () => {
    async function* broken() {
      yield 'a1';
      throw new Error('cut short');
    }
    const { work, end } = makeWork();
    const done = eachInTurn({ source: broken(), parallel: 2, turn, work });
    const ended = done.catch((error: unknown) => String(error));
    await end('nobody');
    await end('a1');
    expect(await ended).toBe('Error: cut short');
  });
});

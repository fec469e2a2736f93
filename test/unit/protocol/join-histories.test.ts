import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { LogHistory } from '../../../src/protocol/ports.ts';
import { joinHistories } from '../../../src/protocol/join-histories.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();

/** A shard with our entries over these statements. */
function shard(origin: string, held: Record<string, number>, isDown = false): LogHistory {
  const check = () => {
    if (isDown) throw new AppError({ code: 'LOG_UNAVAILABLE', message: `${origin} is down` });
  };
  return {
    ready: async () => check(),
    position: () => ({ origin, treeSize: 10 }),
    async earliest(statement) {
      check();
      const index = held[statement];
      const signed = { statement, signature: '', verifier: { kind: 'publicKey', spki: '' } } as const;
      return index === undefined ? undefined : { index, signed };
    },
    bundleOf: async ({ index }) => ({ from: origin, index }),
    knows: (digest) => Object.hasOwn(held, digest),
  };
}

describe('joinHistories', () => {
  const joined = joinHistories(shard('2026', { both: 1, new: 2 }), [
    shard('2024', { both: 9, first: 8 }),
    shard('2025', { second: 3 }),
  ]);

  it.each([
    ['both', '2024', 9],
    ['first', '2024', 8],
    ['second', '2025', 3],
    ['new', '2026', 2],
  ])(
    'finds the statement "%s" in shard %s, where it is the earliest, with its bundle',
    async (text, origin, index) => {
      const entry = await joined.earliest(text, signal);
      expect(entry).toMatchObject({ index, origin });
      if (entry === undefined) throw new Error('no entry');
      expect(await joined.bundleOf(entry, signal)).toEqual({ from: origin, index });
      expect(joined.knows?.(text)).toBe(true);
    },
  );

  it('knows nothing of a statement that no shard has, and takes its position from the one that is written to', async () => {
    expect(await joined.earliest('other', signal)).toBeUndefined();
    expect(joined.knows?.('other')).toBe(false);
    expect(joined.position()).toEqual({ origin: '2026', treeSize: 10 });
  });

  it('asks each shard as secretly as it was asked', async () => {
    const asked: unknown[] = [];
    const listening: LogHistory = {
      ...shard('2025', {}),
      async earliest(_statement, _signal, how) {
        asked.push(how);
        return undefined;
      },
    };
    await joinHistories(listening, [listening]).earliest('any', signal, 'secretly');
    expect(asked).toEqual(['secretly', 'secretly']);
  });

  it('may know what one shard cannot tell at once', () => {
    const slow = shard('2025', {});
    delete slow.knows;
    expect(joinHistories(shard('2026', {}), [slow]).knows?.('any')).toBe(true);
  });

  it('is not ready, and says "none" of nothing, while one shard is down', async () => {
    const half = joinHistories(shard('2026', {}), [shard('2025', {}, true)]);
    expect(await codeOf(() => half.ready(signal))).toBe('LOG_UNAVAILABLE');
    expect(await codeOf(() => half.earliest('any', signal))).toBe('LOG_UNAVAILABLE');
  });
});

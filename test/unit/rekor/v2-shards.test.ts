import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import type { SigningConfig, TlogService } from '../../../src/rekor/signing-config.ts';
import { makeShardWatch, plannedShard, shardsAt, type Shards } from '../../../src/rekor/v2-shards.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const MINUTES_10 = 600_000;

function shard(year: number, start: number, more: Partial<TlogService> = {}): TlogService {
  const url = `https://log${year}.example.com`;
  return { url, majorApiVersion: 2, validFor: { start }, operator: 'example.com', ...more };
}
function config(...logs: TlogService[]): SigningConfig {
  return { source: 'signing.json', logs, wants: 'one' };
}
const yearsOf = (logs: readonly TlogService[]) =>
  logs.map(({ url }) => Number(/[0-9]{4}/.exec(url)?.[0] ?? NaN));
const activeOf = ({ active }: Shards) => yearsOf([active])[0];

describe('shardsAt', () => {
  const all = config(
    shard(2024, 0, { validFor: { start: 0, end: 150 } }),
    shard(2026, 200),
    shard(2025, 100),
    shard(2020, 0, { majorApiVersion: 1 }),
  );

  it.each([
    [120, 2025, [2025, 2024]],
    [160, 2025, [2025, 2024]],
    [200, 2026, [2026, 2025, 2024]],
  ])('at %d writes to %d and reads %j', (now, active, readable) => {
    const shards = shardsAt(all, now);
    expect([activeOf(shards), yearsOf(shards.readable)]).toEqual([active, readable]);
  });
});

describe('plannedShard', () => {
  const ended = shard(2024, 0, { validFor: { start: 0, end: 150 } });
  const old = shard(2023, -100, { validFor: { start: -100, end: -1 } });
  const coming = [shard(2026, 200), shard(2027, 300)];

  it.each([
    ['the one that takes entries', config(ended, ...coming), 120, 2024],
    ['where none does, the next one that will', config(ended, ...coming.toReversed()), 160, 2026],
    ['where none will, the last one that did', config(old, ended), 160, 2024],
  ])('is %s', (_what, all, now, year) => {
    expect(yearsOf([plannedShard(all, now)])).toEqual([year]);
  });

  it.each([
    ['no shard of version 2', config(shard(2020, 0, { majorApiVersion: 1 }))],
    ['several for each entry', { ...config(shard(2026, 200)), wants: 2 } as const],
  ])('refuses a config that wants %s', async (_what, bad) => {
    expect(await codeOf(() => plannedShard(bad, 0))).toBe('TRUST_ROOT_INVALID');
  });
});

describe('makeShardWatch', () => {
  function setUp(first: SigningConfig | AppError = config(shard(2025, 0), shard(2026, 1_000))) {
    const clock = makeManualClock(0);
    const stale: unknown[] = [];
    let next = first;
    let reads = 0;
    const watch = makeShardWatch({
      read: async () => {
        reads += 1;
        if (next instanceof AppError) throw next;
        return next;
      },
      now: () => clock.now(),
      monotonicMs: () => clock.now(),
      onStale: (error) => stale.push(error),
    });
    const give = (value: SigningConfig | AppError) => {
      next = value;
    };
    return {
      clock,
      stale,
      watch,
      give,
      reads: () => reads,
      active: async () => activeOf(await watch.current()),
    };
  }
  const gone = new AppError({ code: 'TRUST_ROOT_UNAVAILABLE', message: 'gone' });

  it('goes to a new shard at its first moment, without reading the config anew', async () => {
    const { clock, active, reads } = setUp();
    const before = await active();
    clock.advance(1_000);
    expect([before, await active(), reads()]).toEqual([2025, 2026, 1]);
  });

  it('sees after ten minutes that the config has changed', async () => {
    const { clock, active, give } = setUp(config(shard(2025, 0)));
    const seen = [await active()];
    give(config(shard(2025, 0), shard(2026, 1)));
    clock.advance(MINUTES_10 - 1);
    seen.push(await active());
    clock.advance(1);
    expect([...seen, await active()]).toEqual([2025, 2025, 2026]);
  });

  it('reads once for all who ask at the same time', async () => {
    const { active, reads } = setUp();
    await Promise.all([active(), active(), active()]);
    expect(reads()).toBe(1);
  });

  it.each([
    ['cannot be read', gone],
    ['names no log any more', config()],
    ['names only later ones', config(shard(2027, 10 * MINUTES_10))],
  ])('goes on with the last config, and says so, when the next one %s', async (_, bad) => {
    const { clock, active, give, stale, reads } = setUp();
    await active();
    give(bad);
    clock.advance(MINUTES_10);
    expect([await active(), await active(), stale.length, reads()]).toEqual([2026, 2026, 1, 2]);
  });

  it('starts with a config whose first shard is yet to begin, and sees it begin', async () => {
    const { clock, watch, active } = setUp(config(shard(2026, 1_000)));
    expect(yearsOf([await watch.planned()])).toEqual([2026]);
    expect(await codeOf(active)).toBe('TRUST_ROOT_INVALID');
    clock.advance(1_000);
    expect(await active()).toBe(2026);
  });

  it('takes a newer config while no shard takes entries', async () => {
    const { clock, watch, give, active } = setUp(config(shard(2027, 10 * MINUTES_10)));
    await watch.planned();
    give(config(shard(2026, MINUTES_10)));
    clock.advance(MINUTES_10);
    expect(await active()).toBe(2026);
  });

  it.each([
    ['cannot be read', gone, 'TRUST_ROOT_UNAVAILABLE'],
    ['names no log', config(), 'TRUST_ROOT_INVALID'],
  ])('refuses a first config that %s, and then takes a better one', async (_, bad, code) => {
    const { active, give } = setUp(bad);
    expect(await codeOf(active)).toBe(code);
    give(config(shard(2025, 0)));
    expect(await active()).toBe(2025);
  });
});

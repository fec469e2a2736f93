import { describe, expect, it } from '@jest/globals';
import { makeShardJob } from '../../../src/compose/shard-job.ts';
import type { LogWriter } from '../../../src/protocol/ports.ts';
import type { TlogService } from '../../../src/rekor/signing-config.ts';
import { makeShardWatch } from '../../../src/rekor/v2-shards.ts';
import { makeWaitingWriter } from '../../../src/rekor/waiting-writer.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { SILENT } from '../../support/test-log.ts';
import { NEVER, signedStatement } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const SHARD = 'https://log2026.example.com';
const signed = await signedStatement();

const shard = (url: string, start: number, end?: number): TlogService => ({
  url,
  majorApiVersion: 2,
  validFor: { start, ...(end !== undefined && { end }) },
  operator: 'example.com',
});

function setUp(logs: readonly TlogService[]) {
  const clock = makeManualClock(0);
  const shards = makeShardWatch({
    read: async () => ({ source: 'signing.json', logs, wants: 'one' }),
    now: () => clock.now(),
    monotonicMs: () => clock.now(),
    onStale: () => undefined,
  });
  const log: LogWriter = {
    identity: { kind: 'rekor-v2', url: SHARD, origin: 'log2026.example.com' },
    submit: async () => ({ outcome: 'created', bundle: {} }),
  };
  const events: string[] = [];
  const tell = (event: string) => void events.push(event);
  const missing: boolean[] = [];
  const job = makeShardJob({
    shards,
    url: SHARD,
    logger: { ...SILENT, error: tell, warn: tell, info: tell },
    metrics: { setShardMissing: (isMissing) => missing.push(isMissing) },
  });
  return { clock, events, missing, run: () => job.run(NEVER), open: () => makeWaitingWriter(log, shards) };
}

describe('a writer whose shard is yet to begin', () => {
  it('says so, and writes from its first moment on', async () => {
    const { clock, open } = setUp([shard(SHARD, 1_000)]);
    const writer = await open();
    clock.advance(999);
    expect(await codeOf(() => writer.submit(signed, NEVER))).toBe('LOG_UNAVAILABLE');
    clock.advance(1);
    expect((await writer.submit(signed, NEVER)).outcome).toBe('created');
  });

  it('does not write to a shard that another one has replaced before it began to', async () => {
    const { clock, open } = setUp([shard(SHARD, -1_000, -1), shard('https://log2027.example.com', 500)]);
    const writer = await open();
    clock.advance(500);
    expect(await codeOf(() => writer.submit(signed, NEVER))).toBe('LOG_UNAVAILABLE');
  });

  it('goes on with a shard that took entries at the start, which says itself when it takes no more', async () => {
    const { clock, open } = setUp([shard(SHARD, 0, 1_000)]);
    const writer = await open();
    clock.advance(2_000);
    expect((await writer.submit(signed, NEVER)).outcome).toBe('created');
  });
});

describe('makeShardJob', () => {
  it.each([
    ['begins', [shard(SHARD, 1_000)], [true, true, false], ['log.shardMissing', 'log.shardBegun']],
    ['ends', [shard(SHARD, 0, 999)], [false, false, true], ['log.shardMissing']],
    [
      'is replaced',
      [shard(SHARD, 0), shard('https://log2027.example.com', 1_000)],
      [false, false, true],
      ['log.shardChanged'],
    ],
    ['stays', [shard(SHARD, 0)], [false, false, false], []],
  ])('tells once of a shard that %s', async (_what, logs, levels, told) => {
    const { clock, run, missing, events } = setUp(logs);
    await run();
    await run();
    clock.advance(1_000);
    await run();
    expect([missing, events]).toEqual([levels, told]);
  });
});

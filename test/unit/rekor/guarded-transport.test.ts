import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { guardTransport, type GuardOptions } from '../../../src/rekor/guarded-transport.ts';
import { aborted, type LogRequest, type LogResponse } from '../../../src/rekor/transport.ts';
import { makeManualClock } from '../../support/manual-clock.ts';
import { NEVER } from '../../support/test-signer.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const READ: LogRequest = { method: 'GET', path: '/checkpoint', maxBytes: 1_000, signal: NEVER };
const BREAKER = { failures: 3, openMs: 1_000, maxOpenMs: 4_000 };

type Step = number | AppError | (() => Promise<LogResponse>) | { readonly retryAfter: string };

const DOWN = new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' });
const STOPPED = new AppError({ code: 'DEADLINE_EXCEEDED', message: 'stopped' });

function answerOf(step: number | { readonly retryAfter: string }): LogResponse {
  const body = new Uint8Array();
  return typeof step === 'number'
    ? { status: step, headers: {}, body }
    : { status: 503, headers: { 'retry-after': step.retryAfter }, body };
}

/** A guarded log that answers by script, then with 200; sleeping moves the clock. */
function setUp(options: Partial<GuardOptions> = {}) {
  const clock = makeManualClock(0);
  const script: Step[] = [];
  const slept: number[] = [];
  const states: string[] = [];
  let calls = 0;
  const guarded = guardTransport(
    async () => {
      calls += 1;
      const step = script.shift() ?? 200;
      if (step instanceof AppError) throw step;
      return typeof step === 'function' ? step() : answerOf(step);
    },
    {
      monotonicMs: () => clock.now(),
      random: () => 0,
      breaker: BREAKER,
      onState: (state) => states.push(state),
      sleep: async (ms, signal) => {
        signal.throwIfAborted();
        slept.push(ms);
        clock.advance(ms);
      },
      ...options,
    },
  );
  const ask = (signal = NEVER) => guarded({ ...READ, signal });
  return { clock, script, slept, states, calls: () => calls, ask };
}

async function errorOf(run: () => Promise<unknown>): Promise<AppError> {
  const error: unknown = await run().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw new Error('nothing was thrown');
}

describe('guardTransport, rate limit', () => {
  it('lets a burst through and then one request after the other', async () => {
    const { ask, slept } = setUp({ requestsPerMinute: 60 });
    for (let i = 0; i < 7; i += 1) await ask();
    expect(slept).toEqual([1_000, 1_000]);
  });

  it('lets those who wait go in turn, and refuses who would wait for too long', async () => {
    const { ask, slept, calls } = setUp({
      requestsPerMinute: 60,
      sleep: async (ms) => void slept.push(ms),
    });
    const codes = await Promise.all(Array.from({ length: 11 }, () => codeOf(ask)));
    expect(slept).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
    expect([codes.filter((code) => code === 'LOG_UNAVAILABLE').length, calls()]).toEqual([1, 10]);
  });

  it('says when it has a turn again', async () => {
    const { ask } = setUp({ requestsPerMinute: 2 });
    await ask();
    expect((await errorOf(ask)).retryAfterSeconds).toBe(30);
  });

  it('gives the turn of an asker who gave up to another', async () => {
    const { ask, slept } = setUp({ requestsPerMinute: 12 });
    await ask();
    expect(await codeOf(() => ask(AbortSignal.abort()))).toBe('DEADLINE_EXCEEDED');
    await ask();
    expect(slept).toEqual([5_000]);
  });

  it('does not save up more than a burst', async () => {
    const { ask, clock, slept } = setUp({ requestsPerMinute: 60 });
    clock.advance(3_600_000);
    for (let i = 0; i < 6; i += 1) await ask();
    expect(slept).toEqual([1_000]);
  });

  it('does not count its own refusals against the log', async () => {
    const { ask, states } = setUp({ requestsPerMinute: 1 });
    await ask();
    for (let i = 0; i < 5; i += 1) await codeOf(ask);
    expect(states).toEqual([]);
  });
});

describe('guardTransport, back-off', () => {
  it.each([
    ['429 once', [429], 200, [500]],
    ['503 twice', [503, 503], 200, [500, 1_500]],
    ['429 for ever', [429, 429, 429, 429], 429, [500, 1_500]],
    ['503 with a word', [{ retryAfter: '2' }], 200, [2_000]],
    ['503 with a shorter word', [{ retryAfter: '0' }], 200, [500]],
    ['503 with a long word', [{ retryAfter: '3600' }], 503, []],
    ['503 with a word that is none', [{ retryAfter: 'soon' }], 200, [500]],
    ['500', [500], 500, []],
    ['409', [409], 409, []],
  ] as const)('answers %s as it should', async (_, script, status, expected) => {
    const { ask, script: steps, slept } = setUp({ breaker: { ...BREAKER, failures: 9 } });
    steps.push(...script);
    expect([(await ask()).status, slept]).toEqual([status, expected]);
  });

  it('waits longer by chance, so that not all come back at once', async () => {
    const { ask, script, slept } = setUp({ random: () => 0.5 });
    script.push(429);
    await ask();
    expect(slept).toEqual([625]);
  });

  it('stops waiting when the asker does', async () => {
    const { ask, script, calls } = setUp();
    const asker = new AbortController();
    script.push(async () => {
      asker.abort();
      return answerOf(429);
    });
    expect([await codeOf(() => ask(asker.signal)), calls()]).toEqual(['DEADLINE_EXCEEDED', 1]);
  });
});

describe('guardTransport, breaker', () => {
  async function opened(options: Partial<GuardOptions> = {}) {
    const set = setUp(options);
    set.script.push(DOWN, DOWN, DOWN);
    while (set.script.length > 0) await codeOf(set.ask);
    return set;
  }

  it('opens after so many failures in a row, and then asks the log no more', async () => {
    const { ask, calls, states } = await opened();
    const refused = await errorOf(ask);
    expect([refused.code, refused.retryAfterSeconds, calls(), states]).toEqual([
      'LOG_UNAVAILABLE',
      1,
      3,
      ['open'],
    ]);
  });

  it.each([
    ['errors of the server', [500, 502, 504], ['open']],
    ['successes between failures', [DOWN, DOWN, 200, DOWN, DOWN], []],
    ['askers who gave up', [STOPPED, STOPPED, STOPPED, STOPPED], []],
    ['refusals', [400, 404, 409, 405, 429, 429, 429], []],
  ] as const)('makes of %s what it should', async (_, script, expected) => {
    const { ask, script: steps, states } = setUp();
    steps.push(...script);
    while (steps.length > 0) await codeOf(ask);
    expect(states).toEqual(expected);
  });

  it('closes when a probe succeeds', async () => {
    const { ask, clock, states } = await opened();
    clock.advance(1_000);
    await ask();
    await ask();
    expect(states).toEqual(['open', 'halfOpen', 'closed']);
  });

  /** A probe is under way, and others have come meanwhile; their wait ends with `sleep`. */
  async function probed(others: readonly AbortSignal[]) {
    const slept: { readonly ms: number; end(): void }[] = [];
    const waiting = Promise.withResolvers<undefined>();
    const sleep = (ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        slept.push({ ms, end: resolve });
        if (slept.length === others.length) waiting.resolve(undefined);
        signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true });
      });
    const set = await opened({ sleep });
    set.clock.advance(1_000);
    const probe = Promise.withResolvers<LogResponse>();
    set.script.push(() => probe.promise);
    const first = codeOf(set.ask);
    const rest = others.map((signal) => codeOf(() => set.ask(signal)));
    await waiting.promise;
    return { ...set, probe, first, rest, waits: slept };
  }

  it.each([
    [200, [undefined, undefined, undefined], 6],
    [404, [undefined, undefined, undefined], 6],
    [502, [undefined, 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE'], 4],
  ])('lets one probe through, and who comes meanwhile wait for its %d', async (status, codes, count) => {
    const { probe, first, rest, calls } = await probed([NEVER, NEVER]);
    probe.resolve(answerOf(status));
    expect([await Promise.all([first, ...rest]), calls()]).toEqual([codes, count]);
  });

  it('lets nobody wait for a probe for long, or for longer than he wants', async () => {
    const asker = new AbortController();
    const { probe, first, rest, waits, calls } = await probed([NEVER, asker.signal]);
    expect(waits.map(({ ms }) => ms)).toEqual([5_000, 5_000]);
    waits[0]?.end();
    asker.abort();
    expect([await Promise.all(rest), calls()]).toEqual([['LOG_UNAVAILABLE', 'DEADLINE_EXCEEDED'], 4]);
    probe.resolve(answerOf(200));
    expect(await first).toBeUndefined();
  });

  it('waits longer after each probe that fails, up to a limit', async () => {
    const { ask, clock, script } = await opened();
    const waits: (number | undefined)[] = [];
    for (const ms of [1_000, 2_000, 4_000, 4_000]) {
      clock.advance(ms - 1);
      waits.push((await errorOf(ask)).retryAfterSeconds);
      clock.advance(1);
      script.push(502);
      expect((await ask()).status).toBe(502);
    }
    expect([waits, (await errorOf(ask)).retryAfterSeconds]).toEqual([[1, 1, 1, 1], 4]);
  });

  it('stays open when the asker of a probe gives up', async () => {
    const { ask, clock, script, states } = await opened();
    clock.advance(1_000);
    script.push(async () => {
      throw aborted(AbortSignal.abort(), 'testing');
    });
    expect([await codeOf(ask), await codeOf(ask)]).toEqual(['DEADLINE_EXCEEDED', 'LOG_UNAVAILABLE']);
    expect(states).toEqual(['open', 'halfOpen', 'open']);
  });

  it('uses up no turn while it is open', async () => {
    const { ask, clock, slept } = await opened({ requestsPerMinute: 60 });
    for (let i = 0; i < 20; i += 1) await codeOf(ask);
    clock.advance(1_000);
    await ask();
    expect(slept).toEqual([]);
  });
});

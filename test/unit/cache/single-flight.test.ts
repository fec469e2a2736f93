import { describe, expect, it } from '@jest/globals';
import { makeSingleFlight } from '../../../src/cache/single-flight.ts';

const never = new AbortController().signal;

/** Work that ends when the test says so. */
function makeWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const signals: AbortSignal[] = [];
  return {
    resolve,
    reject,
    signals,
    work: (signal: AbortSignal) => {
      signals.push(signal);
      return promise;
    },
  };
}

describe('makeSingleFlight', () => {
  it('runs equal work once and gives all askers its result', async () => {
    const flights = makeSingleFlight<string>();
    const { work, resolve, signals } = makeWork();
    const askers = [1, 2, 3].map(() => flights.run('k', work, never));
    resolve('done');
    expect(await Promise.all(askers)).toEqual(['done', 'done', 'done']);
    expect(signals.length).toBe(1);
  });

  it('keeps different keys apart', async () => {
    const flights = makeSingleFlight<string>();
    const [one, two] = [makeWork(), makeWork()];
    const asked = [flights.run('1', one.work, never), flights.run('2', two.work, never)];
    one.resolve('one');
    two.resolve('two');
    expect(await Promise.all(asked)).toEqual(['one', 'two']);
  });

  it.each(['resolves', 'rejects'])('starts anew after the work %s', async (how) => {
    const flights = makeSingleFlight<string>();
    const first = makeWork();
    const asked = flights.run('k', first.work, never).catch(() => 'failed');
    if (how === 'resolves') first.resolve('old');
    else first.reject(new Error('broken'));
    await asked;
    expect(flights.has('k')).toBe(false);
    expect(await flights.run('k', async () => 'new', never)).toBe('new');
  });

  it('gives every asker the failure', async () => {
    const flights = makeSingleFlight<string>();
    const { work, reject } = makeWork();
    const askers = [1, 2].map(() => flights.run('k', work, never));
    reject(new Error('broken'));
    const settled = await Promise.allSettled(askers);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('ends only the wait of an asker that aborts', async () => {
    const flights = makeSingleFlight<string>();
    const { work, resolve, signals } = makeWork();
    const leaver = new AbortController();
    const left = flights.run('k', work, leaver.signal);
    const stayed = flights.run('k', work, never);
    leaver.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(signals[0]?.aborted).toBe(false);
    resolve('done');
    expect(await stayed).toBe('done');
  });

  it('aborts the work with its last asker, and starts anew for the next one', async () => {
    const flights = makeSingleFlight<string>();
    const { work, signals } = makeWork();
    const leavers = [new AbortController(), new AbortController()];
    const left = leavers.map(({ signal }) => flights.run('k', work, signal));
    leavers.forEach((leaver) => leaver.abort(new Error('gone')));
    await Promise.allSettled(left);
    expect(signals[0]?.aborted).toBe(true);
    expect(await flights.run('k', async () => 'new', never)).toBe('new');
  });

  it('starts nothing for an asker that has aborted already', async () => {
    const { work, signals } = makeWork();
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(makeSingleFlight<string>().run('k', work, gone)).rejects.toThrow('gone');
    expect(signals.length).toBe(0);
  });
});

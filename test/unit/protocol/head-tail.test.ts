import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { makeHeadTail } from '../../../src/protocol/head-tail.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const { signal } = new AbortController();

function tailOver(sizes: readonly (number | AppError)[]) {
  const left = [...sizes];
  const treeSize = async () => {
    const next = left.shift();
    if (typeof next === 'number') return next;
    throw next ?? new Error('asked too often');
  };
  return makeHeadTail({ head: { treeSize }, origin: 'log', lifetime: signal });
}

describe('makeHeadTail', () => {
  it('asks for the head at every first sight', async () => {
    const tail = tailOver([3, 5]);
    await tail.ready(signal);
    expect(tail.position()).toEqual({ origin: 'log', treeSize: 3 });
    await tail.ready(signal);
    expect(tail.position()).toEqual({ origin: 'log', treeSize: 5 });
  });

  it('is not ready while the log cannot be asked: an older size could hide an older claim', async () => {
    const tail = tailOver([3, new AppError({ code: 'LOG_UNAVAILABLE', message: 'down' })]);
    await tail.ready(signal);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_UNAVAILABLE');
  });

  it('refuses a log that has shrunk', async () => {
    const tail = tailOver([5, 4]);
    await tail.ready(signal);
    expect(await codeOf(() => tail.ready(signal))).toBe('LOG_FORKED');
    expect(tail.position().treeSize).toBe(5);
  });
});

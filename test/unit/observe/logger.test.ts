import { describe, expect, it } from '@jest/globals';
import { makeLogger } from '../../../src/observe/logger.ts';

const clock = { now: () => Date.UTC(2026, 10, 2, 3, 4, 5, 6) };

function makeCaptured(level: 'error' | 'warn' | 'info' | 'debug' = 'info') {
  const writes: string[] = [];
  const logger = makeLogger({ level, stream: { write: (text: string) => writes.push(text) }, clock });
  return { logger, writes };
}

describe('makeLogger', () => {
  it('writes level, time, event, fields and msg as one JSON object a line', () => {
    const { logger, writes } = makeCaptured();
    logger.info('image.denied', { uid: '1', reason: 'TAG_MOVED' }, 'tag moved');
    logger.flush();
    expect(JSON.parse(writes.join(''))).toEqual({
      level: 'info',
      time: '2026-11-02T03:04:05.006Z',
      event: 'image.denied',
      uid: '1',
      reason: 'TAG_MOVED',
      msg: 'tag moved',
    });
    expect(writes.join('')).toMatch(/^\{.*\}\n$/);
  });

  it('leaves out what is below its level', () => {
    const { logger, writes } = makeCaptured('warn');
    logger.info('a', {});
    logger.debug('b', {});
    logger.flush();
    expect(writes).toEqual([]);
  });

  it('holds info back and writes a warning at once, in order', () => {
    const { logger, writes } = makeCaptured();
    logger.info('first', {});
    expect(writes).toEqual([]);
    logger.warn('second', {});
    const events = writes
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual(['first', 'second']);
  });

  it('writes a full batch without being asked', () => {
    const { logger, writes } = makeCaptured();
    for (let i = 0; i < 64; i += 1) logger.info('line', { i });
    expect(writes).toHaveLength(1);
    expect(writes.join('').trim().split('\n')).toHaveLength(64);
  });

  it('redacts fields and message', () => {
    const { logger, writes } = makeCaptured();
    logger.error('x', { authorization: 'Bearer abcdefgh' }, 'sent Bearer abcdefgh');
    expect(writes.join('')).not.toContain('abcdefgh');
  });
});

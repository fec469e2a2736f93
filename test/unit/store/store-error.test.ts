import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { storeError } from '../../../src/store/postgres/store-error.ts';

const server = {
  host: '/run/postgresql',
  port: 5432,
  user: 'a b',
  password: 'sEcret',
  database: 'records',
  tls: 'disable',
} as const;

const withCode = (code: string, message = '') => Object.assign(new Error(message), { code });

describe('storeError', () => {
  const errors: readonly (readonly [string, unknown])[] = [
    ['a code that is known', withCode('ECONNREFUSED')],
    ['a code that is not', withCode('XX000', 'sEcret\nis corrupt')],
    ['an access rule', withCode('28000', 'no entry for "sEcret"')],
    ['words of the driver', new Error('Connection terminated unexpectedly')],
    ['other words', new Error('what\nis sEcret')],
    ['no error at all', 'sEcret'],
    [
      'several addresses that all failed',
      Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }),
    ],
  ];
  it.each(errors)('makes of %s one line with the place and without the password', (_what, error) => {
    const { code, message, retryAfterSeconds } = storeError(error, server);
    expect(code).toBe('STORE_UNAVAILABLE');
    expect(retryAfterSeconds).toBeGreaterThan(0);
    expect(message).toMatch(
      /^cannot use the store "postgres:\/\/a%20b@%2Frun%2Fpostgresql:5432\/records": [^\n]+$/,
    );
    expect(message).not.toContain('sEcret');
  });

  it('keeps an error of our own', () => {
    const own = new AppError({ code: 'RECORD_INVALID', message: 'x' });
    expect(storeError(own, server)).toBe(own);
  });
});

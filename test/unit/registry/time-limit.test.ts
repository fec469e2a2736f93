import { describe, expect, it } from '@jest/globals';
import { AppError } from '../../../src/errors/app-error.ts';
import { withTimeLimit } from '../../../src/registry/time-limit.ts';
import { codeOf } from '../../support/throw-with-code.ts';

const never = new AbortController().signal;

/** Work that ends only by its signal. */
function endless(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
}

describe('withTimeLimit', () => {
  it('gives what the work gives', async () => {
    expect(await withTimeLimit(1_000, 'aim', never, async () => 7)).toBe(7);
  });

  it('throws what the work throws', async () => {
    const failing = async () => {
      throw new AppError({ code: 'MANIFEST_UNKNOWN', message: 'told to' });
    };
    expect(await codeOf(() => withTimeLimit(1_000, 'aim', never, failing))).toBe('MANIFEST_UNKNOWN');
  });

  it('calls the registry unavailable when the time is over', async () => {
    expect(await codeOf(() => withTimeLimit(1, 'aim', never, endless))).toBe('REGISTRY_UNAVAILABLE');
  });

  it('says that the deadline is exceeded when the asker aborts first', async () => {
    const asker = new AbortController();
    const asked = withTimeLimit(10_000, 'aim', asker.signal, endless);
    asker.abort();
    expect(await codeOf(() => asked)).toBe('DEADLINE_EXCEEDED');
  });
});

import { AppError, toAppError } from '../errors/app-error.ts';

/** What a call to the API server failed with, as a store's: STORE_UNAVAILABLE; a deadline stays one. */
export async function asStore<Value>(call: Promise<Value>): Promise<Value> {
  try {
    return await call;
  } catch (cause) {
    const { code, message, retryAfterSeconds } = toAppError(cause);
    if (code !== 'KUBERNETES_UNAVAILABLE' && code !== 'KUBERNETES_REFUSED') throw cause;
    throw new AppError({
      code: 'STORE_UNAVAILABLE',
      message: `the store in the cluster cannot be used: ${message}`,
      cause,
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
}

import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { z } from 'zod/mini';
import { AppError } from '../../errors/app-error.ts';
import { quote } from '../../errors/quote.ts';
import { errorCode } from '../error-code.ts';

/** One call to a cloud's own service: where it is, the configuration or the cloud says, and no registry. */
export interface CloudRequest {
  /** For messages: `the metadata server of Google Cloud`. */
  readonly service: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of a form: makes it a POST. */
  readonly form?: Readonly<Record<string, string>>;
}

/** Gives the JSON of a 200, in the schema's shape. Throws CREDENTIALS_INVALID. */
export type CloudCall = <Answer>(
  wish: CloudRequest,
  schema: z.ZodMiniType<Answer>,
  signal: AbortSignal,
) => Promise<Answer>;

/** Milliseconds. */
const TIMEOUT = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024;

export function makeCloudCall(dispatcher: Dispatcher): CloudCall {
  return async (wish, schema, signal) => {
    const { status, text } = await exchange(wish, dispatcher, signal);
    // the answer's text may hold secrets, and is not repeated
    if (status !== 200) throw noCredential(wish.service, `it answered ${status}`);
    const answer = schema.safeParse(parse(text));
    if (!answer.success) throw noCredential(wish.service, 'its answer holds no token');
    return answer.data;
  };
}

async function exchange(
  { service, url, headers, form }: CloudRequest,
  dispatcher: Dispatcher,
  signal: AbortSignal,
) {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        ...headers,
        ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form && { body: new URLSearchParams(form).toString() }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]),
    });
    return { status: statusCode, text: await bounded(body) };
  } catch (error) {
    throw noCredential(service, `it cannot be reached (${errorCode(error) ?? 'no answer'})`, error);
  }
}

async function bounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError(`more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** CREDENTIALS_INVALID: a cloud that is asked for a credential and gives none. */
export function noCredential(service: string, why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'CREDENTIALS_INVALID',
    message:
      `cannot get a credential from ${service}: ${why}; give this workload an identity that may pull, ` +
      `or take the cloud out of ${quote('registries.ambientCredentials')}`,
    ...(cause !== undefined && { cause }),
  });
}

import { AppError } from '../errors/app-error.ts';
import { quote } from '../errors/quote.ts';
import { deadlineExceeded, toSendError } from './send-error.ts';
import type { Answer } from './send.ts';

export interface ReadBodyOptions {
  /** Bytes. */
  readonly limit: number;
  readonly aim: string;
  readonly signal: AbortSignal;
}

/** The whole body. Throws REGISTRY_ANSWER_INVALID beyond the limit, REGISTRY_UNAVAILABLE when it breaks off. */
export async function readBody(answer: Answer, options: ReadBodyOptions): Promise<Uint8Array> {
  const { host } = answer.url;
  if (Number(answer.header('content-length') ?? 0) > options.limit) throw tooLarge(answer, options);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > options.limit) throw tooLarge(answer, options);
      chunks.push(chunk);
    }
  } catch (error) {
    if (options.signal.aborted) throw deadlineExceeded(options.aim, error);
    throw toSendError(error, host, options.aim);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(answer: Answer, { limit, aim }: ReadBodyOptions): AppError {
  // gives up the connection: nobody reads the rest
  answer.body.on('error', () => undefined).destroy();
  return new AppError({
    code: 'REGISTRY_ANSWER_INVALID',
    message: `${aim}: the answer of ${quote(answer.url.host)} exceeds ${limit} bytes; check what is published under this name`,
  });
}
